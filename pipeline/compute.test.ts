import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { decimals } from '../stages/numbers/readers.ts'
import { sum } from '../stages/numbers/sum.ts'
import { reasons, Refusal, Transient } from '../stages/refusal.ts'
import { defineStage, type Stage } from '../stages/stage.ts'
import { isDeadLetter, type Message, type Outcome } from '../sql/outcome.ts'
import { compute as computeWith } from './compute.ts'
import { readMessage } from './message.ts'

const add = defineStage({
  name: 'add',
  reads: 'start',
  adds: 'sum',
  needs: { numbers: decimals },
  compute: ({ numbers }) => sum(numbers),
})

const messageOf = (value: string | null, timestamp = Date.now() - 5) =>
  readMessage('start', 0, {
    key: null,
    value: value === null ? null : Buffer.from(value),
    timestamp: String(timestamp),
    offset: '0',
    attributes: 0,
    headers: {},
  })

const { signal } = new AbortController()

const compute = (stage: Stage, message: Message, maxBytes: number) =>
  computeWith(stage, message, { maxBytes, signal }) as Outcome

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

/** A stage that asks other systems. */
const asking = (apply: Stage['apply'], timeoutMs = 5000): Stage => ({
  name: 'ask',
  reads: 'start',
  adds: 'answer',
  external: { timeoutMs },
  apply,
})

const ask = (stage: Stage, batch = signal) => computeWith(stage, messageOf('{}'), { maxBytes: 1000, signal: batch })

test('a promised value is a result, with the id and the attempt of the message for the other system', async () => {
  const outcome = await ask(asking((_, { id, attempt }) => Promise.resolve([id.length, attempt])))
  expect(outcome).toMatchObject({ result: '[32,1]', body: '{"answer":[32,1]}' })
})

test('a try that fails with a Transient is repeated, whether it was thrown at once or later', async () => {
  let tries = 0
  const flaky = () => {
    tries += 1
    if (tries === 1) throw new Transient('busy')
    return tries === 2 ? Promise.reject(new Transient('busy')) : Promise.resolve('done')
  }
  expect(await ask(asking(flaky))).toMatchObject({ result: '"done"' })
  expect(tries).toBe(3)
})

test('any other error is a dead letter at once', async () => {
  let tries = 0
  const failing = async () => {
    tries += 1
    throw new TypeError('no such field')
  }
  expect(await ask(asking(failing))).toMatchObject({
    reason: 'stage-failed',
    explanation: 'ask failed: TypeError: no such field',
  })
  expect(tries).toBe(1)
  const refusing = () => Promise.reject(new Refusal('negative-root'))
  expect(await ask(asking(refusing))).toMatchObject({ reason: 'negative-root' })
})

test('when the time of a message is over it is a dead letter that says what failed, and the work is told to end', async () => {
  const busy = () => Promise.reject(new Transient('503 Service Unavailable'))
  expect(await ask(asking(busy, 300))).toMatchObject({
    reason: 'gave-up',
    explanation: 'ask gave up after 0.3 s: Transient: 503 Service Unavailable. Replay it when that is over.',
  })
  let told = false
  const silent: Stage['apply'] = (_, context) => {
    context.signal.addEventListener('abort', () => (told = true))
    return new Promise(() => {})
  }
  expect(await ask(asking(silent, 50))).toMatchObject({
    reason: 'gave-up',
    explanation: expect.stringContaining('it has no answer') as string,
  })
  expect(told).toBe(true)
})

test('a message whose batch is given up is no dead letter', async () => {
  const batch = new AbortController()
  const outcome = ask(
    asking((_, context) => sleep(60_000, 1, context)),
    batch.signal,
  )
  batch.abort(new Error('Stopped'))
  await expect(outcome).rejects.toThrow('Stopped')
})

test('a promised value that is no JSON is a dead letter', async () => {
  expect(await ask(asking(() => Promise.resolve(Number.NaN)))).toMatchObject({ reason: 'result-not-json' })
})

test('work that begins when its batch is given up already ends at once', async () => {
  const failing = () => Promise.reject(new Transient('busy'))
  await expect(ask(asking(failing), AbortSignal.abort(new Error('Stopped')))).rejects.toThrow('Stopped')
})
