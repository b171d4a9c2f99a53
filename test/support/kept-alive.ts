import { setTimeout as sleep } from 'node:timers/promises'
import type { Exit } from '../../local/child-process.ts'
import { startProcess, type PipelineProcess } from '../../local/pipeline-process.ts'

/** A process of the pipeline with a supervisor, which starts it again whenever it has ended. */
export interface KeptAlive extends AsyncDisposable {
  readonly name: string
  /** SIGSTOP and SIGCONT, to freeze and wake it. */
  kill(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Ends the process that runs now; settles when the supervisor has started the next. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Ends it for good, by SIGTERM. */
  stop(): Promise<void>
}

/** How a life of the process ended. */
export interface Ending extends Exit {
  readonly name: string
  /** The signal that we sent to end it; undefined when it ended by itself. */
  readonly wanted: 'SIGKILL' | 'SIGTERM' | undefined
}

/** What a supervisor waits before it starts a process again, in milliseconds. */
const PAUSE_MS = 300

/** Longer than a process may take to end by itself after SIGTERM, which is 10 s. */
const GRACE_MS = 20_000

/** @param onEnd told of every end, wanted or not */
export async function keepAlive(what: PipelineProcess, onEnd: (ending: Ending) => void): Promise<KeptAlive> {
  const { name } = what
  let child = await startProcess(what)
  let wanted: Ending['wanted']
  let next = Promise.withResolvers<void>()
  let isOver = false
  const endNow = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.ended) return
    wanted = signal
    await child.stop({ signal, graceMs: GRACE_MS })
  }
  const supervise = async () => {
    for (;;) {
      onEnd({ ...(await child.exited), name, wanted })
      wanted = undefined
      if (!isOver) await sleep(PAUSE_MS)
      if (isOver) return
      child = await startProcess(what)
      next.resolve()
      next = Promise.withResolvers()
      if (isOver) await endNow('SIGTERM')
    }
  }
  const supervision = supervise()
  const stop = async () => {
    isOver = true
    await endNow('SIGTERM')
    await supervision
  }
  return {
    name,
    kill: (signal) => child.kill(signal),
    async end(signal) {
      const following = next.promise
      await endNow(signal)
      await following
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
