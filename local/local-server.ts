import type { Child, Exit } from './child-process.ts'

export interface ServerOptions {
  /** The port of 127.0.0.1 to listen on. */
  readonly port: number
  /** What a person changes to choose another port, such as "DB_PORT"; told when the port is taken. */
  readonly changePortWith?: string | undefined
  /** Where its data lives, used again when it is there already. */
  readonly dataDir: string
  /** Gets a line that a waiting person wants to read. */
  readonly say: (line: string) => void
  /** Gives up starting: what has been started is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A server that runs as our child. Disposing of it stops it. */
export interface LocalServer extends AsyncDisposable {
  readonly port: number
  /** Of the process that runs now: another one after a restart. */
  readonly pid: number
  /** Settles when the process that runs now has ended, wanted or not. */
  readonly exited: Promise<Exit>
  /** The newest lines it wrote. */
  lastLines(): string
  /** For chaos: -9, or SIGSTOP and SIGCONT to freeze and wake it. */
  kill(signal: NodeJS.Signals): void
  /** Starts it again on the same port and data, after it has ended or been stopped; settles when it is ready. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface Life {
  readonly port: number
  /** Starts the process and settles when it is ready. */
  readonly launch: () => Promise<Child>
  readonly kill: (child: Child, signal: NodeJS.Signals) => void
  readonly stop: (child: Child) => Promise<Exit>
}

/** Launches a server and keeps hold of whichever process is it now. */
export async function localServer({ port, launch, kill, stop }: Life): Promise<LocalServer> {
  let child = await launch()
  const stopNow = async () => void (await stop(child))
  return {
    port,
    get pid() {
      return child.pid
    },
    get exited() {
      return child.exited
    },
    lastLines: () => child.lastLines(),
    kill: (signal) => kill(child, signal),
    async restart() {
      await stopNow()
      child = await launch()
    },
    stop: stopNow,
    [Symbol.asyncDispose]: stopNow,
  }
}
