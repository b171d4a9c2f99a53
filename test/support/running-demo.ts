import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Child, startChild } from '../../local/child-process.ts'
import { freePort, requireFreePort } from '../../local/free-port.ts'
import { throwAwayDirectory } from '../../local/throw-away-directory.ts'
import { childEnvironment } from '../../pipeline/config.ts'

/** A demo in a process of its own, of which the test knows every descendant. */
export interface RunningDemo extends AsyncDisposable {
  readonly child: Child
  output(): string
  /** The processes that it started itself with such a command. */
  children(command: RegExp): Relative[]
  /** What is left after its end: processes, servers that listen, files. */
  leftovers(): Promise<string[]>
}

interface Process {
  readonly pid: number
  readonly parent: number
  /** When it was started: ids are used again. */
  readonly born: string
  readonly command: string
}

interface Relative extends Process {
  /** By `performance.now()`. */
  readonly lastSeen: number
}

interface DemoSettings {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly postgresPort?: number
}

/** Starts the real thing as `npm run demo` does, beside whatever has the usual ports. */
export async function startDemo(settings: DemoSettings = {}): Promise<RunningDemo> {
  const temporary = await throwAwayDirectory()
  const kafkaPort = await freePort()
  const { postgresPort = await freePort(), args = [] } = settings
  const ownServers = {
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
    env: childEnvironment({ ...ownServers, TMPDIR: temporary.path, ...settings.env }),
    onLine: (line) => (text += `${line}\n`),
  })
  const family = new Map<number, Relative>()
  const watching = watchFamily(child, family)
  return {
    child,
    output: () => text,
    children: (command) =>
      [...family.values()].filter((one) => one.parent === child.pid && command.test(one.command)),
    async leftovers() {
      await watching
      const alive = await processes()
      const left = [...family.values()].filter(({ pid, born }) => alive.get(pid)?.born === born)
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

/** Notes all children, and their children, until their ancestor has ended. */
async function watchFamily(ancestor: Child, family: Map<number, Relative>): Promise<void> {
  while (!ancestor.ended) {
    const lastSeen = performance.now()
    const alive = await processes()
    const belongs = (pid: number): boolean =>
      pid === ancestor.pid || (pid > 1 && belongs(alive.get(pid)?.parent ?? 0))
    for (const one of alive.values()) if (belongs(one.pid)) family.set(one.pid, { ...one, lastSeen })
    await pause(50)
  }
  await ancestor.exited
}

/** All that live on this machine, by their ids. */
async function processes(): Promise<Map<number, Process>> {
  const env = childEnvironment({ LC_ALL: 'C' })
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,lstart=,args='], { env })
  const lines = stdout.matchAll(/^ *(\d+) +(\d+) +(\w+ \w+ +\d+ \S+ \d+) +(.+)$/gm)
  const all = [...lines].map(([, pid, parent, born = '', command = '']) => {
    return { pid: Number(pid), parent: Number(parent), born, command }
  })
  // A process that is about to be gone has no command any more, only its name in brackets.
  return new Map(all.filter(({ command }) => !command.startsWith('[')).map((one) => [one.pid, one]))
}
