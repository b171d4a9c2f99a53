import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { Status } from '../cli/render/render-status.ts'
import { readConfig } from '../pipeline/config.ts'
import { demoView, intro, openLog } from './demo-output.ts'
import { temporaryDirectory } from './host-resources.ts'

const logLine = (level: string, msg: string) =>
  JSON.stringify({ level, time: '2025-01-01T00:00:00.000Z', stage: 'lcm', msg })

test('the file has every line, with the name of the process before lines that are not JSON', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'demo.log')
  const log = openLog(path)
  log.add('lcm', logLine('info', 'Taking'))
  log.add('sine', 'TypeError: no')
  await log[Symbol.asyncDispose]()
  expect(await readFile(path, 'utf8')).toBe(`${logLine('info', 'Taking')}\nsine: TypeError: no\n`)
})

test('warnings and worse are counted, and the newest are shown', async () => {
  await using directory = await temporaryDirectory()
  let now = 1000
  await using log = openLog(join(directory.path, 'demo.log'), () => now)
  for (const level of ['debug', 'info', 'warn', 'error', 'fatal']) log.add('lcm', logLine(level, level))
  expect(log.warnings).toBe(3)
  expect(log.newest(0)).toEqual(['lcm: warn', 'lcm: error', 'lcm: fatal'])
  now = 2000
  log.add('sine', logLine('warn', 'later'))
  expect(log.newest(1000)).toEqual(['sine: later'])
  expect(log.newest(0)).toHaveLength(3)
  expect(log.warnings).toBe(4)
})

test('a failure can become a warning', async () => {
  await using directory = await temporaryDirectory()
  await using log = openLog(join(directory.path, 'demo.log'))
  expect(await log.orWarning('It cannot be read', Promise.resolve(1))).toBe(1)
  expect(await log.orWarning('It cannot be read', Promise.reject(new Error('away')))).toBeUndefined()
  expect(log.newest(0)).toEqual(['It cannot be read: away'])
})

const status: Status = {
  stages: [
    {
      position: 1,
      stage: 'add',
      running: 1,
      done: 38,
      dead: 0,
      duplicates: 0,
      waiting: 2,
      waitMs: 3.2,
      workMs: 0.01,
      verdict: 'OK',
      sentence: 'add keeps up: 2 waiting, oldest 3.20 ms',
      oldest: 0.0032,
      oldestMessage: null,
      arrivals: 2,
      served: 2,
      drain: 0.01,
      partitions: 4,
      assigned: 4,
      utilisation: 0.01,
    },
  ],
  tracer: null,
  entered: 40,
  finished: 38,
  inFlight: 2,
  dead: 0,
  duplicates: 0,
  missing: 0,
  endToEnd: { messages: 38, p50Ms: 41.31, p95Ms: 60.22, p99Ms: 70 },
}

/** A view of what it writes, at a time that can be set. */
function view(isTTY: boolean) {
  const warnings: { at: number; text: string }[] = []
  const seen = { text: '', now: 0, warnings }
  const stream = { isTTY, columns: 80, write: (text: string) => (seen.text += text) }
  const log = {
    path: '/data/demo.log',
    get warnings() {
      return warnings.length
    },
    newest: (since: number) => warnings.filter(({ at }) => at > since).map(({ text }) => text),
  }
  return { seen, view: demoView(stream as never, log, () => seen.now) }
}

test('a pipe gets a line every five seconds and the table at the end', () => {
  const { seen, view: lines } = view(false)
  for (seen.now = 0; seen.now <= 11_000; seen.now += 500) lines.show(status)
  const sums = 'entered 40, finished 38, in flight 2, dead 0, end to end p50 41.3 ms, p95 60.2 ms'
  expect(seen.text).toBe(`5 s: ${sums}\n10 s: ${sums}\n`)
  lines.end(status)
  expect(seen.text).toMatch(/stage +state +running.*\n1 +add +OK +1 +2/)
})

test('a pipe gets each warning once', () => {
  const { seen, view: lines } = view(false)
  seen.warnings.push({ at: 100, text: 'add: no' })
  for (seen.now = 0; seen.now <= 11_000; seen.now += 500) lines.show({ ...status, endToEnd: null })
  expect(seen.text.split('\n').slice(1, 4)).toEqual([
    '1 warning so far, all of them in /data/demo.log',
    'add: no',
    '10 s: entered 40, finished 38, in flight 2, dead 0',
  ])
})

test('a terminal gets one table that is drawn again, with warnings for a while', () => {
  const { seen, view: table } = view(true)
  table.show(undefined)
  expect(seen.text).toBe('')
  table.show(status)
  const rows = seen.text.split('\n').length - 1
  seen.text = ''
  seen.warnings.push({ at: 0.5, text: 'add: no' })
  table.show(undefined)
  expect(seen.text).toContain(`\u001B[${rows}A`)
  expect(stripVTControlCharacters(seen.text)).toContain('all of them in /data/demo.log\nadd: no\n')
  seen.text = ''
  seen.now = 30_000
  table.show(status)
  expect(seen.text).toContain('1 warning so far')
  expect(seen.text).not.toContain('add: no')
})

const servers = [
  { name: 'Kafka', address: 'localhost:19092' },
  { name: 'Postgres', address: 'localhost:15432' },
  { name: 'Tempo', address: 'localhost:3200' },
]

test('the intro has the addresses of the servers and what to try, in lines of 80 characters', () => {
  const text = intro(servers, readConfig({}))
  expect(text).toContain('Kafka localhost:19092, Postgres localhost:15432, Tempo localhost:3200.\nCtrl-C stops everything.')
  expect(text).toContain('npx throughline submit')
  expect(text).toContain('npx throughline follow')
  expect(text).not.toContain('export')
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('the intro has the settings that lead to servers at other addresses', () => {
  const config = readConfig({ BOOTSTRAP_SERVERS: 'a:1,b:2', DB_PORT: '25432', RATE: '10' })
  expect(intro(servers, config)).toContain('  export BOOTSTRAP_SERVERS=a:1,b:2 DB_PORT=25432\n')
})
