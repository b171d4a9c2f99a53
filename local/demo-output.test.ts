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

test('warnings and worse are counted, and the three newest are shown', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'demo.log')
  await using log = openLog(path)
  expect(log.warningLines()).toEqual([])
  for (const level of ['debug', 'info', 'warn']) log.add('lcm', logLine(level, level))
  expect(log.warningLines()).toEqual([`1 warning so far, all of them in ${path}`, 'lcm: warn'])
  for (const level of ['error', 'fatal']) log.add('lcm', logLine(level, level))
  log.warn('It cannot be read: away')
  const newest = ['lcm: error', 'lcm: fatal', 'It cannot be read: away']
  expect(log.warningLines()).toEqual([`4 warnings so far, all of them in ${path}`, ...newest])
})

const status: Status = {
  stages: [
    {
      position: 1,
      stage: 'add',
      running: 1,
      done: 38,
      dead: 0,
      openDeadLetters: 0,
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
      wanted: 1,
      assigned: 4,
      utilisation: 0.01,
    },
  ],
  tracer: null,
  entered: 40,
  finished: 38,
  inFlight: 2,
  dead: 0,
  openDeadLetters: 0,
  hasOlderDeadLetters: false,
  duplicates: 0,
  missing: 0,
  endToEnd: { messages: 38, p50Ms: 41.31, p95Ms: 60.22, p99Ms: 70 },
}

/** A view of what it writes, at a time that can be set. */
function view(isTTY: boolean) {
  const seen = { text: '', now: 0, warnings: [] as string[] }
  const stream = { isTTY, columns: 80, write: (text: string) => (seen.text += text) }
  return { seen, view: demoView(stream as never, { warningLines: () => seen.warnings }, () => seen.now) }
}

test('a pipe gets a table every five seconds, and one at the end', () => {
  const { seen, view: tables } = view(false)
  for (seen.now = 0; seen.now <= 11_000; seen.now += 500) tables.show(status)
  expect(seen.text.match(/^1 +add +OK +1 +2/gm)).toHaveLength(2)
  expect(seen.text.match(/^entered 40 +finished 38 +in flight 2 +dead 0/gm)).toHaveLength(2)
  tables.end(status)
  expect(seen.text.match(/stage +state +running.*\n1 +add +OK +1 +2/g)).toHaveLength(3)
})

test('a terminal gets one table that is drawn again, with the warnings below', () => {
  const { seen, view: table } = view(true)
  table.show(status)
  const rows = seen.text.split('\n').length - 1
  seen.text = ''
  seen.warnings.push('1 warning so far', 'add: no')
  table.show(status)
  expect(seen.text).toContain(`\u001B[${rows}A`)
  expect(stripVTControlCharacters(seen.text)).toContain('\n\n1 warning so far\nadd: no\n')
})

test('the intro has what to try, in lines of 80 characters', () => {
  const text = intro(readConfig({}))
  expect(text).toContain('Ctrl-C stops everything.')
  expect(text).toContain('npx throughline submit')
  expect(text).toContain('npx throughline follow')
  expect(text).not.toContain('export')
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('the intro has the settings that lead to servers at other addresses', () => {
  const config = readConfig({ BOOTSTRAP_SERVERS: 'a:1,b:2', DB_PORT: '25432', RATE: '10' })
  expect(intro(config)).toContain('  export BOOTSTRAP_SERVERS=a:1,b:2 DB_PORT=25432\n')
})
