import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { Status } from '../cli/render/render-status.ts'
import { readConfig } from '../pipeline/config.ts'
import { demoView, intro, outcomeOf, renderOutcome } from './demo-messages.ts'

const before = { entered: 100, finished: 90, dead: 10 }
const after = { entered: 1300, finished: 1280, dead: 20 }
const times = { p50Ms: 41.31, p95Ms: 1234, seconds: 2.5 }

test('all messages are accounted for', () => {
  const outcome = outcomeOf(before, after, 1200)
  expect(outcome).toEqual({ sent: 1200, finished: 1190, dead: 10, missing: 0 })
  expect(renderOutcome(outcome, times)).toBe(
    [
      '1,190 of 1,200 messages finished, 10 dead, 0 missing',
      'end to end p50 41.3 ms, p95 1.23 s (all at once into processes just started)',
      '2.50 s from the first in to the last out, 476 messages a second',
    ].join('\n'),
  )
})

test('a message that never entered is missing, like one that was lost on the way', () => {
  expect(outcomeOf(before, { ...after, entered: 1295, finished: 1270 }, 1200).missing).toBe(10)
})

test('messages from elsewhere that entered meanwhile count, too', () => {
  expect(outcomeOf(before, { ...after, entered: 1301 }, 1200).missing).toBe(1)
  const all = outcomeOf(before, { ...after, entered: 1301, finished: 1281 }, 1200)
  expect(renderOutcome(all, times)).toContain('1,191 of 1,201')
})

test('without a finished message there are no times', () => {
  const outcome = outcomeOf(before, { ...after, finished: 90, dead: 1210 }, 1200)
  const text = renderOutcome(outcome, undefined)
  expect(text).toBe('0 of 1,200 messages finished, 1,200 dead, 0 missing')
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
