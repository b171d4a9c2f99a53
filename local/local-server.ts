import { resolve } from 'node:path'
import { unlessAborted, WaitTimeout, waitUntil } from '../telemetry/wait-until.ts'
import { type Child, type ChildOptions, type StopOptions, exitMessage, startChild } from './child-process.ts'
import { requireDiskSpace, requireFreePort } from './host-resources.ts'

export interface ServerOptions {
  /** The port of 127.0.0.1 to listen on. */
  readonly port: number
  /** The directory of its data, which is used again when it exists. */
  readonly dataDir: string
  /** Cancels the start: what has been started is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

interface ServerProcess extends Omit<ChildOptions, 'name'> {
  /** Asked every 50 ms after a start. What it throws ends the start. */
  readonly isReady: () => Promise<boolean>
  /** 60,000 by default. */
  readonly readyTimeoutMs?: number
  /** SIGTERM by default. */
  readonly stopSignal?: NodeJS.Signals
  /** Sends a signal to the server, which may have several processes. */
  readonly kill?: (child: Child, signal: NodeJS.Signals) => void
}

/** A server that runs as a child process; `pid`, `exited` and `outputTail` are those of the current one. Disposing of it stops it. */
export type LocalServer = Awaited<ReturnType<typeof startServer>>

/**
 * Starts a server and resolves when it is ready.
 * @param prepare says how to run it, in the directory of its data, an absolute path, which is its working directory by default
 * @throws {UserError} when the port is taken or the disk is full
 */
export async function startServer(
  name: string,
  { port, dataDir, signal: aborted }: ServerOptions,
  prepare: (directory: string) => Promise<ServerProcess>,
) {
  await requireFreePort(port, name)
  await requireDiskSpace(dataDir)
  const cwd = resolve(dataDir)
  const server = { name, cwd, ...(await prepare(cwd)) }
  const start = async () => {
    const started = await startChild(server)
    await untilReady(started, server, aborted)
    return started
  }
  let child = await start()
  const kill = (signal: NodeJS.Signals) => (server.kill === undefined ? child.kill(signal) : server.kill(child, signal))
  const stop = async ({ signal = server.stopSignal ?? 'SIGTERM', ...grace }: StopOptions = {}) => {
    kill('SIGCONT')
    return await child.stop({ signal, ...grace })
  }
  return {
    name,
    port,
    get pid() {
      return child.pid
    },
    get exited() {
      return child.exited
    },
    outputTail: () => child.outputTail(),
    kill,
    stop,
    /** Starts it again on the same port and data, after it has ended or been stopped; resolves when it is ready. */
    async restart() {
      await stop()
      child = await start()
    },
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

/**
 * Waits until a child is ready; stops it otherwise.
 * @throws {Error} with the newest lines of its output when it ends, or takes longer than `readyTimeoutMs`, before it is ready
 */
export async function untilReady(
  child: Child,
  { isReady, readyTimeoutMs: timeoutMs = 60_000 }: Pick<ServerProcess, 'isReady' | 'readyTimeoutMs'>,
  signal?: AbortSignal,
): Promise<void> {
  const ask = async () => {
    if (await (signal === undefined ? isReady() : unlessAborted(isReady(), signal))) return true
    if (!child.ended) return false
    throw new Error(`${await exitMessage(child)} before it was ready:\n${child.outputTail()}`)
  }
  try {
    await waitUntil(`${child.name} is ready`, ask, { timeoutMs, signal })
  } catch (error) {
    await child.stop()
    if (!(error instanceof WaitTimeout)) throw error
    const message = `${child.name} was not ready after ${timeoutMs / 1000} s:\n${child.outputTail()}`
    throw new Error(message, { cause: error })
  }
}

/** Whether a server answers this URL with a status of 200 to 299; false as long as it refuses or is silent for a second. */
export async function answersHttp(url: string): Promise<boolean> {
  return await fetch(url, { signal: AbortSignal.timeout(1000) }).then(
    ({ ok }) => ok,
    () => false,
  )
}
