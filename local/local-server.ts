import { WaitTimeout, waitUntil } from '../telemetry/wait-until.ts'
import { type Child, type ChildOptions, type Exit, exitMessage, startChild } from './child-process.ts'

export interface ServerOptions {
  /** The port of 127.0.0.1 to listen on. */
  readonly port: number
  /** How to choose another port, such as "DB_PORT"; part of the error when the port is taken. */
  readonly changePortWith?: string | undefined
  /** The directory of its data, which is used again when it exists. */
  readonly dataDir: string
  /** Gets each line of progress for the user. */
  readonly say: (line: string) => void
  /** Cancels the start: what has been started is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A server that runs as a child process. Disposing of it stops it. */
export interface LocalServer extends AsyncDisposable {
  readonly port: number
  /** Of the current process; a restart changes it. */
  readonly pid: number
  /** Resolves when the current process has ended. */
  readonly exited: Promise<Exit>
  /** The newest lines of its output. */
  outputTail(): string
  /** SIGKILL, or SIGSTOP and SIGCONT to freeze and resume it. */
  kill(signal: NodeJS.Signals): void
  /** Starts it again on the same port and data, after it has ended or been stopped; resolves when it is ready. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface ServerProcess {
  /** The command of the next start. */
  readonly command: () => ChildOptions | Promise<ChildOptions>
  /** Asked every 50 ms after a start. What it throws ends the start. */
  readonly isReady: () => Promise<boolean>
  /** 60,000 by default. */
  readonly readyTimeoutMs?: number
  readonly kill?: (child: Child, signal: NodeJS.Signals) => void
  readonly stop?: (child: Child) => Promise<Exit>
}

/** Starts a server and resolves when it is ready. */
export async function startServer({ port, signal }: ServerOptions, server: ServerProcess): Promise<LocalServer> {
  const start = async () => {
    const started = await startChild(await server.command())
    await untilReady(started, server, signal)
    return started
  }
  let child = await start()
  const stop = async () => void (await (server.stop?.(child) ?? child.stop()))
  return {
    port,
    get pid() {
      return child.pid
    },
    get exited() {
      return child.exited
    },
    outputTail: () => child.outputTail(),
    kill: (each) => (server.kill === undefined ? child.kill(each) : server.kill(child, each)),
    async restart() {
      await stop()
      child = await start()
    },
    stop,
    [Symbol.asyncDispose]: stop,
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
    if (await isReady()) return true
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
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    return false
  }
}
