import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startOtlpReceiver } from './support/telemetry/otlp-receiver.ts'
import { type RunningDemo, startDemo } from './support/processes/running-demo.ts'

/** Waits for the exit of a demo; `tookMs` counts from this call. */
async function end({ child }: RunningDemo): Promise<{ code: number | null; tookMs: number }> {
  const since = performance.now()
  const { code } = await child.exited
  return { code, tookMs: performance.now() - since }
}

async function until(demo: RunningDemo, text: string | RegExp): Promise<void> {
  await expect.poll(() => demo.output(), { timeout: 240_000, interval: 50 }).toMatch(text)
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
  for (const [index, stage] of stages.entries()) expect(path).toMatch(new RegExp(`^${index + 1}  ${stage} +\\S`, 'm'))
  expect(await demo.leftovers()).toEqual([])
})

test('messages without a result are dead letters, not missing, and their warnings are shown', async () => {
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
  // npm passes the terminal's signal on, so it arrives twice.
  demo.child.kill('SIGINT')
  const { code, tookMs } = await end(demo)
  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(10_000)
  expect(demo.output()).toContain('Stopping: generator, stages, monitor, Kafka, Postgres')
  expect(await demo.leftovers()).toEqual([])
  const ends = [/ generator$/, / run [\w-]+$/, /kafka\.Kafka|postgres -D/].map((command) =>
    demo.children(command).map(({ lastSeen }) => lastSeen),
  )
  const [generator = [], stages = [], servers = []] = ends
  expect([generator.length, stages.length, servers.length]).toEqual([1, 6, 2])
  expect(Math.max(...generator)).toBeLessThanOrEqual(Math.min(...stages))
  expect(Math.max(...stages)).toBeLessThanOrEqual(Math.min(...servers))
})

test('where traces are exported, a tracer runs and stops after the stages', async () => {
  await using backend = await startOtlpReceiver()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: backend.endpoint, RATE: '20' }
  await using demo = await startDemo({ env })
  await expect.poll(() => backend.spans.length, { timeout: 240_000 }).toBeGreaterThan(0)
  demo.child.kill('SIGINT')
  const { code, tookMs } = await end(demo)
  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(10_000)
  expect(demo.output()).toContain('Stopping: generator, stages, monitor, tracer, Kafka, Postgres')
  const [stages = [], tracers = []] = [/ run [\w-]+$/, / tracer$/].map((command) =>
    demo.children(command).map(({ lastSeen }) => lastSeen),
  )
  expect([stages.length, tracers.length]).toEqual([6, 1])
  expect(Math.max(...stages)).toBeLessThanOrEqual(Math.min(...tracers))
  expect(await demo.leftovers()).toEqual([])
})

test('Ctrl-C before everything runs leaves nothing either, and is a failure with --messages', async () => {
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
  const [lcm] = demo.children(/ run lcm$/)
  if (lcm === undefined) throw new Error('The demo runs no lcm')
  process.kill(lcm.pid, 'SIGKILL')
  expect(await end(demo)).toMatchObject({ code: 1 })
  expect(demo.output()).toContain('lcm ended by SIGKILL:')
  // The log stays, because it says why.
  expect(await demo.leftovers()).toEqual([expect.stringMatching(/^throughline-.+\.log$/)])
})

test('a taken port is refused before anything is started', async () => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const taken = (server.address() as { port: number }).port
  await using demo = await startDemo({ postgresPort: taken })
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
