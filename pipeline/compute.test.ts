import { expect, test } from 'vitest'
import { add } from '../stages/add.ts'
import { reasons, Refusal } from '../stages/refusal.ts'
import type { Stage } from '../stages/stage.ts'
import { isDeadLetter } from '../sql/outcome.ts'
import { compute } from './compute.ts'
import { readMessage } from './message.ts'

const messageOf = (value: string | null, timestamp = Date.now() - 5) =>
  readMessage('start', 0, {
    key: null,
    value: value === null ? null : Buffer.from(value),
    timestamp: String(timestamp),
    offset: '0',
    attributes: 0,
    headers: {},
  })

test('a result carries the numbers of a message that enters here, as they were written, the added field, and the body with it', () => {
  expect(compute(add, messageOf('{ "numbers": [1.50, 2] }'), 1000)).toMatchObject({
    numbers: '[1.50, 2]',
    result: '3.5',
    body: '{ "numbers": [1.50, 2] ,"sum":3.5}',
  })
})

test('the boundaries of time never go back, even when the broker’s clock is ahead of ours', () => {
  const message = messageOf('{"numbers":[1]}', Date.now() + 60_000)
  const { startedAt, computedAt } = compute(add, message, 1000)
  expect(startedAt).toBe(message.queuedAt)
  expect(computedAt).toBe(message.queuedAt)
})

test('an explanation has no control characters, whatever came in', () => {
  const outcome = compute(add, messageOf('{"numbers":"\\u0000\\u001b[31m"} \u0000'), 1000)
  expect(isDeadLetter(outcome) && outcome.explanation).toMatch(/^\P{Cc}+$/u)
})

test('an explanation is never empty: a row needs one', () => {
  const apply = () => {
    throw new Refusal('negative-root', '')
  }
  const outcome = compute({ name: 'x', reads: 'start', adds: 'x', apply }, messageOf('{}'), 1000)
  expect(outcome).toMatchObject({ reason: 'negative-root', explanation: reasons['negative-root'] })
})

test('the limit is one of bytes, not of characters', () => {
  const body = `{"numbers":[1],"note":"${'🙂'.repeat(100)}"}`
  const bytes = Buffer.byteLength(body) + ',"sum":1'.length
  expect(isDeadLetter(compute(add, messageOf(body), bytes))).toBe(false)
  expect(compute(add, messageOf(body), bytes - 1)).toMatchObject({ reason: 'too-large' })
})

test('an infinity deep within a result is no JSON; a null is', () => {
  const stage = (apply: Stage['apply']): Stage => ({ name: 'x', reads: 'start', adds: 'x', apply })
  const message = messageOf('{}')
  expect(
    compute(
      stage(() => [{ a: null }]),
      message,
      1000,
    ),
  ).toMatchObject({ result: '[{"a":null}]' })
  expect(
    compute(
      stage(() => [null, { a: Infinity }]),
      message,
      1000,
    ),
  ).toMatchObject({ reason: 'result-not-json' })
})
