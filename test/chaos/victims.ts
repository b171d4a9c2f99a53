import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from '../../local/local-server.ts'
import type { Fault } from './plan.ts'
import type { KeptAlive } from '../support/kept-alive.ts'

/** A process that faults happen to. */
export interface Victim {
  readonly name: string
  /** Lets it happen, and resolves when the process is awake and, if it is a server, ready again. */
  readonly suffer: (fault: Fault) => Promise<void>
}

export function keptAliveVictim(kept: KeptAlive): Victim {
  return {
    name: kept.name,
    async suffer({ kind, lastsMs }) {
      if (kind === 'freeze') await freeze(kept, lastsMs)
      else await kept.end(kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
    },
  }
}

export function serverVictim(name: string, server: LocalServer): Victim {
  return {
    name,
    async suffer({ kind, lastsMs }) {
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

async function freeze(
  process: { kill(signal: 'SIGSTOP' | 'SIGCONT'): void },
  lastsMs: number,
): Promise<void> {
  process.kill('SIGSTOP')
  await sleep(lastsMs)
  process.kill('SIGCONT')
}
