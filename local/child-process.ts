import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { lastLines } from './last-lines.ts'
import { guardGroup } from './guard.ts'

export interface ChildOptions {
  /** What error messages call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string | undefined
  /** The whole environment of the child; it inherits ours when this is left out. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Whom to run it as; only root can choose. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** Gets every line of standard output and standard error, without its line end. */
  readonly onLine?: ((line: string) => void) | undefined
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child extends AsyncDisposable {
  readonly name: string
  readonly pid: number
  /** True from the moment the process has ended. */
  readonly ended: boolean
  /** Settles when the process and what it left in its group are gone and its output is read. Never rejects. */
  readonly exited: Promise<Exit>
  /** The newest lines it wrote, to say why it died. */
  lastLines(): string
  /** Sends a signal to the process alone; does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void
  /** Asks the whole group to end, and ends it by SIGKILL after `graceMs` milliseconds (10,000). */
  stop(options?: StopOptions): Promise<Exit>
}

export interface StopOptions {
  readonly signal?: NodeJS.Signals | undefined
  readonly graceMs?: number | undefined
}

/**
 * Starts a process in a group of its own, so that Ctrl-C reaches only us and we stop our children in the right order.
 * It does not outlive us, however we die.
 * @throws the operating system's error (`code` is ENOENT, EACCES, ...) when the command cannot be run
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, cwd, env, user } = options
  const child = spawn(command, options.args, {
    cwd,
    env,
    ...user,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const gone = child.pid === undefined ? undefined : untilGone(child, child.pid)
  const lines = lastLines()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.add(line)
      options.onLine?.(line)
    })
  }
  await once(child, 'spawn')
  if (child.pid === undefined || gone === undefined) throw new Error(`${name} has no process id`)
  return handle({ name, child, pid: child.pid, exited: gone, lastLines: () => lines.toString() })
}

async function untilGone(child: ChildProcess, pid: number): Promise<Exit> {
  const guard = guardGroup(pid)
  const closed = once(child, 'close')
  await once(child, 'exit')
  await Promise.all([guard.release(), closed])
  return { code: child.exitCode, signal: child.signalCode }
}

interface Parts extends Pick<Child, 'name' | 'pid' | 'exited' | 'lastLines'> {
  readonly child: ChildProcess
}

function handle({ name, child, pid, exited, lastLines: newest }: Parts): Child {
  const ended = () => child.exitCode !== null || child.signalCode !== null
  const send = (target: number, signal: NodeJS.Signals) => {
    if (!ended()) process.kill(target, signal)
  }
  const stop = async ({ signal = 'SIGTERM', graceMs = 10_000 }: StopOptions = {}) => {
    send(-pid, signal)
    // A process that chaos has frozen must wake up to hear the first signal.
    send(-pid, 'SIGCONT')
    const late = setTimeout(() => send(-pid, 'SIGKILL'), graceMs)
    const exit = await exited
    clearTimeout(late)
    return exit
  }
  return {
    name,
    pid,
    exited,
    get ended() {
      return ended()
    },
    lastLines: newest,
    kill: (signal) => send(pid, signal),
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}
