import { setTimeout as sleep } from 'node:timers/promises'
import type { Exit } from '../../../local/child-process.ts'
import { startThroughline, type ThroughlineOptions } from '../../../local/throughline-process.ts'

/** A process of the pipeline that is started again each time it exits. */
export interface SupervisedProcess extends AsyncDisposable {
  readonly name: string
  /** SIGSTOP freezes the process, SIGCONT continues it. */
  kill(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Ends the running process. Resolves when the next one has started, `pauseMs` later. */
  end(signal: 'SIGKILL' | 'SIGTERM', pauseMs?: number): Promise<void>
  /** Ends the process with SIGTERM and does not start it again. */
  stop(): Promise<void>
}

/** The exit of one run of the process. */
export interface SupervisedExit extends Exit {
  readonly name: string
  /** The signal that `end` or `stop` sent; undefined when the process exited by itself. */
  readonly sentSignal: 'SIGKILL' | 'SIGTERM' | undefined
}

/** Milliseconds before a restart. */
const RESTART_DELAY_MS = 300

/** Longer than the 10 s that a process takes at most to exit after SIGTERM. */
const GRACE_MS = 20_000

/** @param onExit is called for every exit, whatever caused it */
export async function startSupervised(
  options: ThroughlineOptions,
  onExit: (exit: SupervisedExit) => void,
): Promise<SupervisedProcess> {
  const { name } = options
  let child = await startThroughline(options)
  let sentSignal: SupervisedExit['sentSignal']
  let pause = RESTART_DELAY_MS
  let restarted = Promise.withResolvers<void>()
  let isStopping = false
  const endChild = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.ended) return
    sentSignal = signal
    await child.stop({ signal, graceMs: GRACE_MS })
  }
  const supervise = async () => {
    for (;;) {
      onExit({ ...(await child.exited), name, sentSignal })
      sentSignal = undefined
      if (!isStopping) await sleep(pause)
      pause = RESTART_DELAY_MS
      if (isStopping) return
      child = await startThroughline(options)
      restarted.resolve()
      restarted = Promise.withResolvers()
      if (isStopping) await endChild('SIGTERM')
    }
  }
  const supervision = supervise()
  const stop = async () => {
    isStopping = true
    await endChild('SIGTERM')
    await supervision
  }
  return {
    name,
    kill: (signal) => child.kill(signal),
    async end(signal, pauseMs = RESTART_DELAY_MS) {
      pause = pauseMs
      const next = restarted.promise
      await endChild(signal)
      await next
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
