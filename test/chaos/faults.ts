import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from '../../local/local-server.ts'
import type { SupervisedProcess } from '../support/processes/supervised-process.ts'
import type { NetworkProxy } from './faults/network-proxy.ts'
import type { Fault, TargetKind } from './plan.ts'

type FaultEffect = Pick<Fault, 'kind' | 'lastsMs'>

/** A process that faults are injected into. */
export interface FaultTarget {
  readonly name: string
  /** Whether the process runs, as far as faults are concerned, and since when, by `performance.now()`. */
  readonly state: { readonly isUp: boolean; readonly since: number }
  /**
   * Injects a fault when those before it are over. Resolves when the process runs again and, if it is a server, is ready.
   * @param onBegin called when the fault begins
   */
  inject(fault: FaultEffect, onBegin?: () => void): Promise<void>
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
  // A fault that fails ends the run at once, which then stops its servers.
  const failure = new AbortController()
  const sleepUntil = (ms: number) =>
    sleep(Math.max(0, begin + ms - performance.now()), undefined, { signal: failure.signal })
  const injected: Promise<void>[] = []
  for (const fault of faults) {
    const candidates = targets[fault.target]
    const target = candidates[Math.floor(fault.which * candidates.length)] as FaultTarget
    await sleepUntil(fault.atMs)
    const injection = target.inject(fault, () => onFault(fault, target.name))
    injection.catch((error: unknown) => failure.abort(error))
    injected.push(injection)
  }
  await sleepUntil(durationMs)
  await Promise.all(injected)
}

function createTarget(name: string, inject: (fault: FaultEffect) => Promise<void>): FaultTarget {
  let state = { isUp: true, since: performance.now() }
  let ongoing = Promise.resolve()
  return {
    name,
    get state() {
      return state
    },
    inject(fault, onBegin) {
      const run = async () => {
        onBegin?.()
        const isDown = !fault.kind.startsWith('clock')
        if (isDown) state = { isUp: false, since: performance.now() }
        await inject(fault)
        if (isDown) state = { isUp: true, since: performance.now() }
      }
      ongoing = ongoing.then(run)
      return ongoing
    },
  }
}

const STEP_MS = 600_000

/** @param clock the file that the process has its clock's offset from */
export function processTarget(process: SupervisedProcess, clock: string): FaultTarget {
  return createTarget(process.name, async ({ kind, lastsMs }) => {
    if (kind === 'freeze') await freeze(process, lastsMs)
    else if (kind === 'kill' || kind === 'restart') await process.end(kind === 'kill' ? 'SIGKILL' : 'SIGTERM', lastsMs)
    else {
      await writeFile(clock, String(kind === 'clock ahead' ? STEP_MS : -STEP_MS))
      await sleep(lastsMs)
      await writeFile(clock, '0')
    }
  })
}

export function serverTarget(name: string, server: LocalServer, proxy: NetworkProxy): FaultTarget {
  return createTarget(name, async ({ kind, lastsMs }) => {
    if (kind === 'freeze') await freeze(server, lastsMs)
    else if (kind === 'refuse' || kind === 'hang') await cutOff(proxy, kind, lastsMs)
    else {
      if (kind === 'kill') server.kill('SIGKILL')
      else await server.stop()
      await sleep(lastsMs)
      await server.restart()
    }
  })
}

export async function cutOff(proxy: NetworkProxy, how: 'refuse' | 'hang', lastsMs: number): Promise<void> {
  await proxy[how]()
  await sleep(lastsMs)
  await proxy.restore()
}

interface Freezable {
  kill(signal: 'SIGSTOP' | 'SIGCONT'): void
}

async function freeze(process: Freezable, lastsMs: number): Promise<void> {
  process.kill('SIGSTOP')
  await sleep(lastsMs)
  process.kill('SIGCONT')
}
