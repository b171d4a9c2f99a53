import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from '../../local/local-server.ts'
import type { SupervisedProcess } from '../support/processes/supervised-process.ts'
import type { Fault, TargetKind } from './plan.ts'

/** A process that faults are injected into. */
export interface FaultTarget {
  readonly name: string
  /** Injects a fault. Resolves when the process runs again and, if it is a server, is ready. */
  readonly inject: (fault: Fault) => Promise<void>
}

export interface FaultsOptions {
  readonly faults: readonly Fault[]
  readonly targets: Readonly<Record<TargetKind, readonly FaultTarget[]>>
  /** Called when a fault begins. */
  readonly onFault: (fault: Fault, target: string) => void
  readonly durationMs: number
}

/**
 * Injects each fault at its time. Faults of different processes may overlap, those of one process do not.
 * Resolves after `durationMs`, when all processes run again.
 */
export async function injectFaults({ faults, targets, onFault, durationMs }: FaultsOptions): Promise<void> {
  const begin = performance.now()
  const sleepUntil = (ms: number) => sleep(Math.max(0, begin + ms - performance.now()))
  const ongoing = new Map<FaultTarget, Promise<void>>()
  for (const fault of faults) {
    const candidates = targets[fault.target]
    const target = candidates[Math.floor(fault.which * candidates.length)] as FaultTarget
    await sleepUntil(fault.atMs)
    const previous = ongoing.get(target) ?? Promise.resolve()
    const inject = async () => {
      await previous
      onFault(fault, target.name)
      await target.inject(fault)
    }
    ongoing.set(target, inject())
  }
  await sleepUntil(durationMs)
  await Promise.all(ongoing.values())
}

export function processTarget(process: SupervisedProcess): FaultTarget {
  return {
    name: process.name,
    async inject({ kind, lastsMs }) {
      if (kind === 'freeze') await freeze(process, lastsMs)
      else await process.end(kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
    },
  }
}

export function serverTarget(name: string, server: LocalServer): FaultTarget {
  return {
    name,
    async inject({ kind, lastsMs }) {
      if (kind === 'freeze') {
        await freeze(server, lastsMs)
        return
      }
      if (kind === 'kill') server.kill('SIGKILL')
      else await server.stop()
      await sleep(lastsMs)
      await server.restart()
    },
  }
}

interface Freezable {
  kill(signal: 'SIGSTOP' | 'SIGCONT'): void
}

async function freeze(process: Freezable, lastsMs: number): Promise<void> {
  process.kill('SIGSTOP')
  await sleep(lastsMs)
  process.kill('SIGCONT')
}
