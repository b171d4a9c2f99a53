import { setTimeout as sleep } from 'node:timers/promises'
import type { Exit } from '../local/child-process.ts'
import { startProcess, type PipelineProcess } from '../local/pipeline-process.ts'

/** A process of the pipeline with a supervisor, which starts it again whenever it has ended. */
export interface KeptAlive extends AsyncDisposable {
  readonly name: string
  /** Sends a signal to the process that runs now. */
  kill(signal: NodeJS.Signals): void
  /** Asks it to end by SIGTERM, waits until it has, and leaves the next start to the supervisor. */
  terminate(): Promise<void>
  /** Ends it for good. */
  stop(): Promise<void>
}

/** What a supervisor waits before it starts a process again, in milliseconds. */
const PAUSE_MS = 300

/** Longer than a process may take to end by itself after SIGTERM, which is 10 s. */
const GRACE_MS = 20_000

export interface Ending extends Exit {
  readonly name: string
  /** It was asked by SIGTERM. */
  readonly wasAsked: boolean
}

/** @param onEnd told of every end, wanted or not */
export async function keepAlive(what: PipelineProcess, onEnd: (ending: Ending) => void): Promise<KeptAlive> {
  const { name } = what
  let child = await startProcess(what)
  let wasAsked = false
  let isOver = false
  const terminate = async () => {
    wasAsked = true
    await child.stop({ graceMs: GRACE_MS })
  }
  const supervise = async () => {
    for (;;) {
      onEnd({ ...(await child.exited), name, wasAsked })
      wasAsked = false
      if (!isOver) await sleep(PAUSE_MS)
      if (isOver) return
      child = await startProcess(what)
      if (isOver) await terminate()
    }
  }
  const supervision = supervise()
  const stop = async () => {
    isOver = true
    await terminate()
    await supervision
  }
  return { name, kill: (signal) => child.kill(signal), terminate, stop, [Symbol.asyncDispose]: stop }
}
