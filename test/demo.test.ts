import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type Child, startChild } from '../local/child-process.ts'
import { freePort, requireFreePort } from '../local/free-port.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { childEnvironment } from '../pipeline/config.ts'

interface Demo extends AsyncDisposable {
  readonly child: Child
  readonly ports: { readonly kafka: number; readonly postgres: number }
  /** Every process that it has started so far, itself included, by its id. */
  readonly family: ReadonlyMap<number, Relative & { readonly lastSeen: number }>
  output(): string
  /** What is left when it has ended: processes, servers that listen, files. */
  leftovers(): Promise<string[]>
}

interface Relative {
  readonly parent: number
  /** When it was started: ids are used again. */
  readonly born: string
  readonly command: string
}

interface Settings {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly ports?: Demo['ports']
}

/** The real thing, as `npm run demo` starts it, beside whatever has the usual ports. */
async function startDemo({ args = [], env = {}, ports: given }: Settings = {}): Promise<Demo> {
  const temporary = await throwAwayDirectory()
  const ports = given ?? { kafka: await freePort(), postgres: await freePort() }
  const own = { BOOTSTRAP_SERVERS: '', DB_HOST: '', DB_PORT: String(ports.postgres), TMPDIR: temporary.path }
  let text = ''
  const child = await startChild({
    name: 'demo',
    command: process.execPath,
    args: ['local/demo.ts', '--kafka-port', String(ports.kafka), ...args],
    env: childEnvironment({ ...own, ...env }),
    onLine: (line) => (text += `${line}\n`),
  })
  const family = new Map<number, Relative & { lastSeen: number }>()
  const watching = watchFamily(child, family)
  return {
    child,
    ports,
    family,
    output: () => text,
    async leftovers() {
      await watching
      const alive = await processes()
      const left = [...family].filter(([pid, { born }]) => alive.get(pid)?.born === born)
      await requireFreePort(ports.kafka, 'the next Kafka')
      await requireFreePort(ports.postgres, 'the next Postgres')
      return [...left.map(([, { command }]) => command), ...(await readdir(temporary.path))]
    },
    async [Symbol.asyncDispose]() {
      await child.stop()
      await watching
      await temporary.remove()
    },
  }
}

/** Notes all children, and their children, until their ancestor has ended. */
async function watchFamily(
  ancestor: Child,
  family: Map<number, Relative & { lastSeen: number }>,
): Promise<void> {
  while (!ancestor.ended) {
    const alive = await processes()
    const belongs = (pid: number): boolean =>
      pid === ancestor.pid || (pid > 1 && belongs(alive.get(pid)?.parent ?? 0))
    const lastSeen = performance.now()
    for (const [pid, process] of alive) if (belongs(pid)) family.set(pid, { ...process, lastSeen })
    await pause(50)
  }
  await ancestor.exited
}

async function processes(): Promise<Map<number, Relative>> {
  const env = childEnvironment({ LC_ALL: 'C' })
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,lstart=,args='], { env })
  const lines = stdout.matchAll(/^ *(\d+) +(\d+) +(\w+ \w+ +\d+ \S+ \d+) +(.+)$/gm)
  return new Map(
    [...lines].map(([, pid, parent, born = '', command = '']) => [
      Number(pid),
      { parent: Number(parent), born, command },
    ]),
  )
}

/** How a demo has ended, and how long that took from now on. */
async function end({ child }: Demo): Promise<{ code: number | null; tookMs: number }> {
  const since = performance.now()
  const { code } = await child.exited
  return { code, tookMs: performance.now() - since }
}

async function until(demo: Demo, text: string | RegExp): Promise<void> {
  await expect.poll(() => demo.output(), { timeout: 90_000, interval: 50 }).toMatch(text)
}

/** Its processes with such a command, by their ids. */
function named(demo: Demo, command: RegExp): [number, Relative & { readonly lastSeen: number }][] {
  return [...demo.family].filter(([, relative]) => command.test(relative.command))
}

test('all messages come through, the path of one is shown, and nothing is left', async () => {
  await using demo = await startDemo({ args: ['--messages', '50'] })
  expect(await end(demo)).toMatchObject({ code: 0 })
  const output = demo.output()
  expect(output).toContain('50 of 50 messages finished, 0 dead, 0 missing')
  expect(output).toMatch(/end to end p50 .+ m?s, p95 .+ m?s/)
  expect(output).toMatch(/, [\d.,]+ messages a second/)
  const [, path = ''] = output.split(/^Message [\da-f]{32}$/m)
  expect(path).toMatch(/^finished, .+ end to end$/m)
  const stages = ['add', 'multiply', 'lcm', 'average', 'sine', 'square-root']
  for (const [index, stage] of stages.entries())
    expect(path).toMatch(new RegExp(`^${index + 1}  ${stage} +\\S`, 'm'))
  expect(await demo.leftovers()).toEqual([])
})

test('messages that have no answer are dead letters, not missing, and seen', async () => {
  const env = { NUMBERS_MIN: '-9', NUMBERS_MAX: '-1' }
  await using demo = await startDemo({ args: ['--messages', '20'], env })
  expect(await end(demo)).toMatchObject({ code: 0 })
  expect(demo.output()).toContain('0 of 20 messages finished, 20 dead, 0 missing')
  expect(demo.output()).toMatch(/^square-root: Dead letter: .+ no real square root/m)
  expect(await demo.leftovers()).toEqual([])
})

test('Ctrl-C stops everything within 10 s, in order, and leaves nothing', async () => {
  await using demo = await startDemo({ env: { RATE: '20' } })
  await until(demo, /finished [1-9]/)
  demo.child.kill('SIGINT')
  // npm passes the signal of the terminal on a second time.
  demo.child.kill('SIGINT')
  const { code, tookMs } = await end(demo)
  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(10_000)
  expect(demo.output()).toContain('Stopping: generator, stages, Kafka, Postgres')
  expect(await demo.leftovers()).toEqual([])
  const ends = [/ generator$/, / run [\w-]+$/, /kafka\.Kafka|postgres -D/].map((command) =>
    named(demo, command).map(([, { lastSeen }]) => lastSeen),
  )
  const [generator = [], stages = [], servers = []] = ends
  expect([generator.length, stages.length, servers.length]).toEqual([1, 6, 2])
  expect(Math.max(...generator)).toBeLessThanOrEqual(Math.min(...stages))
  expect(Math.max(...stages)).toBeLessThanOrEqual(Math.min(...servers))
})

test('Ctrl-C before everything runs leaves nothing either, and --messages was not kept', async () => {
  await using demo = await startDemo({ args: ['--messages', '50'] })
  await until(demo, 'Kafka is up')
  demo.child.kill('SIGINT')
  const { code, tookMs } = await end(demo)
  expect(code).toBe(1)
  expect(tookMs).toBeLessThan(10_000)
  expect(await demo.leftovers()).toEqual([])
})

test('a stage that ends by itself ends the demo, which names it', async () => {
  await using demo = await startDemo()
  await until(demo, 'In another terminal')
  const [[lcm] = []] = named(demo, /throughline\.ts run lcm$/)
  if (lcm === undefined) throw new Error('The demo runs no lcm')
  process.kill(lcm, 'SIGKILL')
  expect(await end(demo)).toMatchObject({ code: 1 })
  expect(demo.output()).toContain('lcm has ended by SIGKILL. Its last lines:')
  // The log is for whoever wants to know why.
  expect(await demo.leftovers()).toEqual([expect.stringMatching(/^throughline-.+\.log$/)])
})

test('a taken port is refused before anything is started', async () => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const taken = (server.address() as { port: number }).port
  await using demo = await startDemo({ ports: { kafka: await freePort(), postgres: taken } })
  expect(await end(demo)).toMatchObject({ code: 2 })
  expect(demo.output()).toMatch(
    new RegExp(
      `^Port ${taken}, meant for Postgres, is taken: .+ choose another port with \`DB_PORT=\\d+ npm run demo\`\\.$`,
      'm',
    ),
  )
  expect(demo.output()).not.toContain('Kafka is up')
  server.close()
})

test('a missing Java is one sentence that says what to do', async () => {
  await using demo = await startDemo({ env: { PATH: '/nowhere', JAVA_HOME: '' } })
  expect(await end(demo)).toMatchObject({ code: 2 })
  expect(demo.output()).toMatch(/^Kafka needs Java, and none that runs was found: install Java 17 .+$/m)
  expect(await demo.leftovers()).toEqual([])
})
