import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { Status } from '../sql/read-status.ts'
import { demoView } from './demo-view.ts'

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
