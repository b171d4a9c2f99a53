import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Child, startChild } from '../../../local/child-process.ts'
import { freePort, requireFreePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { childEnvironment } from '../../../pipeline/config.ts'

/** A demo in its own process, with all descendants of that process. */
export interface RunningDemo extends AsyncDisposable {
  readonly child: Child
  output(): string
  /** The child processes whose command line matches. */
  children(command: RegExp): Descendant[]
  /** After its exit: the processes and files that remain. @throws {Error} when a port is still in use */
  leftovers(): Promise<string[]>
}

interface Process {
  readonly pid: number
  readonly parent: number
  /** Process ids are reused; id and start time together are unique. */
  readonly startedAt: string
  readonly command: string
}

interface Descendant extends Process {
  /** In the milliseconds of `performance.now()`. */
  readonly lastSeen: number
}

interface DemoSettings {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly postgresPort?: number
}

/** Starts the demo as `npm run demo` does, on free ports. */
export async function startDemo(settings: DemoSettings = {}): Promise<RunningDemo> {
  const temporary = await temporaryDirectory()
  const kafkaPort = await freePort()
  const { postgresPort = await freePort(), args = [] } = settings
  const servers = {
    BOOTSTRAP_SERVERS: '',
    DB_HOST: '',
    DB_PORT: String(postgresPort),
    OTEL_EXPORTER_OTLP_ENDPOINT: '',
  }
  let text = ''
  const child = await startChild({
    name: 'demo',
    command: process.execPath,
    args: ['local/demo.ts', '--no-watchers', '--kafka-port', String(kafkaPort), ...args],
    env: childEnvironment({ ...servers, TMPDIR: temporary.path, ...settings.env }),
    onLine: (line) => (text += `${line}\n`),
  })
  const descendants = new Map<number, Descendant>()
  const watching = watchDescendants(child, descendants)
  return {
    child,
    output: () => text,
    children: (command) => [...descendants.values()].filter((one) => one.parent === child.pid && command.test(one.command)),
    async leftovers() {
      await watching
      const alive = await processes()
      const left = [...descendants.values()].filter(({ pid, startedAt }) => alive.get(pid)?.startedAt === startedAt)
      await requireFreePort(kafkaPort, 'the next Kafka')
      await requireFreePort(postgresPort, 'the next Postgres')
      return [...left.map(({ command }) => command), ...(await readdir(temporary.path))]
    },
    async [Symbol.asyncDispose]() {
      await child.stop()
      await watching
      await temporary.remove()
    },
  }
}

/** Collects all descendants of a process until it has exited. */
async function watchDescendants(ancestor: Child, descendants: Map<number, Descendant>): Promise<void> {
  while (!ancestor.ended) {
    const lastSeen = performance.now()
    const alive = await processes()
    const isDescendant = (pid: number): boolean =>
      pid === ancestor.pid || (pid > 1 && isDescendant(alive.get(pid)?.parent ?? 0))
    for (const one of alive.values()) if (isDescendant(one.pid)) descendants.set(one.pid, { ...one, lastSeen })
    await pause(50)
  }
  await ancestor.exited
}

/** All processes of this machine by id. */
async function processes(): Promise<Map<number, Process>> {
  const env = childEnvironment({ LC_ALL: 'C' })
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,lstart=,args='], { env })
  const lines = stdout.matchAll(/^ *(\d+) +(\d+) +(\w+ \w+ +\d+ \S+ \d+) +(.+)$/gm)
  const all = [...lines].map(([, pid, parent, startedAt = '', command = '']) => {
    return { pid: Number(pid), parent: Number(parent), startedAt, command }
  })
  // An exiting process has no command line, only its name in brackets.
  return new Map(all.filter(({ command }) => !command.startsWith('[')).map((one) => [one.pid, one]))
}
