import { addAbortListener } from 'node:events'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

export interface ChildOptions {
  /** Its name in error messages. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string | undefined
  /** The whole environment of the child; this process's own when left out. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** The account to run it as; only root can choose one. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** Gets every line of standard output and standard error, without its line end. */
  readonly onLine?: ((line: string) => void) | undefined
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface StopOptions {
  readonly signal?: NodeJS.Signals
  /** Milliseconds until SIGKILL; 10,000 by default. */
  readonly graceMs?: number
}

const TAIL_LINES = 40

/** A process that was started. Disposing of it stops it. */
export type Child = Awaited<ReturnType<typeof startChild>>

/**
 * Starts a process in a process group of its own, so that Ctrl-C in the terminal reaches only this process, which then
 * stops its children in order. The group is killed when this process ends, also by SIGKILL.
 * @throws the operating system's error (`code` is ENOENT, EACCES, ...) when the command cannot be run
 */
export async function startChild({ name, command, args, cwd, env = process.env, user, onLine }: ChildOptions) {
  const tail: string[] = []
  const execution = execa(command, args, {
    ...(cwd !== undefined && { cwd }),
    env,
    extendEnv: false,
    ...user,
    detached: true,
    stdin: 'ignore',
    buffer: false,
    reject: false,
  })
  const { pid, nodeChildProcess: child } = execution
  if (pid === undefined) throw (await execution).cause
  const releaseWatchdog = startParentDeathWatchdog(pid)
  for (const stream of [execution.stdout, execution.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      tail.push(line)
      if (tail.length > TAIL_LINES) tail.shift()
      onLine?.(line)
    })
  }
  const groupGone = new Promise<void>((resolve) => child.once('exit', () => resolve(releaseWatchdog())))
  /** Resolves when the process and the rest of its group are gone and its output is read. Never rejects. */
  const exited = Promise.all([execution, groupGone]).then((): Exit => ({ code: child.exitCode, signal: child.signalCode }))
  /** Sends a signal, SIGTERM by default, then SIGKILL after the grace period. Also ends what the process leaves in its group. */
  const stop = async ({ signal = 'SIGTERM', graceMs = 10_000 }: StopOptions = {}) => {
    child.kill(signal)
    // A process that SIGSTOP has frozen handles no other signal before SIGCONT.
    child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    const exit = await exited
    clearTimeout(timer)
    return exit
  }
  return {
    name,
    pid,
    exited,
    /** Whether the process has ended. */
    get ended() {
      return child.exitCode !== null || child.signalCode !== null
    },
    /** The newest 40 lines of standard output and standard error. */
    outputTail: () => tail.join('\n'),
    /** Does nothing once the process has ended. */
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

// `read` returns when the other end of the pipe closes, which the kernel does however its holder ends.
const WATCHDOG_SCRIPT = 'read -r _; kill -s KILL -- "-$1"'

/**
 * Kills a process group when this process ends: a shell waits for the end of a pipe that only this process holds.
 * The returned function closes the pipe when the group's leader has ended, which kills what the leader left behind.
 */
function startParentDeathWatchdog(group: number): () => Promise<void> {
  const watchdog = execa('/bin/sh', ['-c', WATCHDOG_SCRIPT, 'watchdog', String(group)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    reject: false,
  })
  return async () => {
    watchdog.stdin.end()
    await watchdog
  }
}

/**
 * Runs a command to its end and returns the newest 40 lines of its output.
 * @param signal stops it early
 * @throws {Error} with those lines when its exit code is not 0; the signal's reason when it is aborted
 */
export async function runToEnd({
  signal,
  ...options
}: ChildOptions & { signal?: AbortSignal | undefined }): Promise<string> {
  signal?.throwIfAborted()
  await using child = await startChild(options)
  using _ = signal && addAbortListener(signal, () => void child.stop({ graceMs: 2000 }))
  const { code } = await child.exited
  signal?.throwIfAborted()
  if (code !== 0) throw new Error(`${await exitMessage(child)}:\n${child.outputTail()}`)
  return child.outputTail()
}

/** "Kafka ended with exit code 1" or "Kafka ended by SIGKILL", once it has ended. */
export async function exitMessage(child: Pick<Child, 'name' | 'exited'>): Promise<string> {
  const { code, signal } = await child.exited
  return `${child.name} ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`
}
