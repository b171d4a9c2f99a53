import { expect, test } from 'vitest'
import { areSines, rowProblem, type Row } from './fuzz/check-row.ts'
import { python, type FuzzRecord } from './fuzz/corpus.ts'
import { fuzzTable } from './fuzz/report-table.ts'
import { runFuzz } from './fuzz/run-fuzz.ts'

test('a sine may differ in its last digit only, and is written as JSON writes it', () => {
  expect(areSines('[0.8414709848078965,0]', [0.8414709848078964, -0])).toBe(true)
  expect(areSines('[0.8414709848078967]', [0.8414709848078965])).toBe(false)
  expect(areSines('[0.84147098480789650]', [0.8414709848078965])).toBe(false)
  expect(areSines('[0.5,0.5]', [0.5])).toBe(false)
})

const id = '1'.repeat(32)
const body = '{"numbers":[1],"sum":1}'
const hash = '3e477514c9ccbc81fb5f561834f3672b34cb56b4f7c1d9cd3f13fb379ee6bd03'

test.each<[string, Partial<Row>]>([
  ['another result', { result: '2' }],
  ['a dead letter', { result: null, body: null, reason: 'not-json' }],
  ['another body', { body: `${body} ` }],
  ['a header that was not sent', { headers: '{"tenant":"blue"}' }],
  ['another trace', { traceId: '2'.repeat(32) }],
  ['a parent', { spanId: '1'.repeat(16), flags: 1 }],
  ['a stage that is not expected', { stage: 'multiply' }],
])('%s is a problem', (_, change) => {
  const identity = { id, attempt: 1, sentAt: null, enteredAt: null, parent: null }
  const place = { class: 'good', topic: 'start', stage: 0, partition: 0, value: null, headers: [], isDuplicate: false }
  const record: FuzzRecord = { ...place, identity, steps: [['1', hash, null]], dead: null }
  const times = { sentAt: null, enteredAt: 1, queuedAt: 1 }
  const contents = { result: '1', body, reason: null, value: null, headers: null }
  const row: Row = {
    stage: 'add',
    partition: 0,
    offset: '0',
    id,
    attempt: 1,
    ...times,
    ...contents,
    traceId: id,
    spanId: null,
    flags: null,
  }
  expect(rowProblem(record, row)).toBeUndefined()
  expect(rowProblem(record, { ...row, ...change })).toBeTypeOf('string')
})

test.skipIf(python === undefined)(
  'every row of hostile and good records is as the oracle expects (skipped without python3 on the PATH)',
  async () => {
    const report = await runFuzz({ seed: 1, messages: 5000, say: () => {} })
    expect(report.problems.length === 0 ? 'as expected' : fuzzTable(report)).toBe('as expected')
    expect(report.classes.size).toBeGreaterThan(20)
  },
  900_000,
)
