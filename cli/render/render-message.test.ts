import { expect, test } from 'vitest'
import type { MessageHistory, Step } from '../../sql/read-message.ts'
import { messageJson, renderMessage, renderUnfinished, timelineLines } from './render-message.ts'
import { toJson } from './text.ts'

const id = '019ab2c4d5e67f8091a2b3c4d5e6f708'
const start = 1_763_951_411_000

function step(position: number, stage: string, from: number, changes: Partial<Step> = {}): Step {
  return {
    attempt: 1,
    position,
    stage,
    outcome: 'processed',
    result: '69531410',
    explanation: null,
    topic: 'start',
    partition: 0,
    offset: '9007199254740993',
    traceId: id,
    enteredAt: start,
    queuedAt: start + from,
    startedAt: start + from + 2,
    computedAt: start + from + 2.5,
    sentAt: start + from + 7.5,
    nextQueuedAt: start + from + 10,
    ...changes,
  }
}

const sine = '[-0.9741155573777689,0.2251604265233945,0.45910383869466215,0.1411200080598672]'
const finished: MessageHistory = {
  id,
  enteredFor: 'add',
  attempts: [
    {
      attempt: 1,
      state: 'finished',
      finishedAt: start + 20,
      replayedTo: null,
      steps: [step(1, 'add', 0), step(2, 'sine', 10, { result: sine })],
    },
  ],
}
const dead: MessageHistory = {
  id,
  enteredFor: 'add',
  attempts: [
    {
      attempt: 1,
      state: 'dead',
      finishedAt: null,
      replayedTo: null,
      steps: [
        step(1, 'add', 0),
        step(2, 'sine', 10, {
          outcome: 'past-double',
          result: null,
          explanation: 'numbers[0] is \u0007too large.',
          sentAt: null,
          nextQueuedAt: null,
        }),
      ],
    },
  ],
}

test('a finished message: results cut to the width, times that add up, and their drawing', () => {
  expect(renderMessage(finished, 86)).toBe(`Message ${id}

finished, 20.0 ms end to end

   stage  result
1  add    69531410
2  sine   [-0.9741155573777689,0.2251604265233945,0.45910383869466215,0.1411200080598…

   stage          wait     work     save  publish   in all
1  add         2.00 ms  0.50 ms  5.00 ms  2.50 ms  10.0 ms
2  sine        2.00 ms  0.50 ms  5.00 ms  2.50 ms  10.0 ms
   end to end  4.00 ms  1.00 ms  10.0 ms  5.00 ms  20.0 ms

add   ········██▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒──────────
sine                                          ········██▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒──────────
      0                                                                        20.0 ms
      · wait   █ work   ▒ save   ─ publish   one column is 0.25 ms`)
})

test('a dead letter says where, why and what explains it, and keeps control characters to itself', () => {
  const text = renderMessage(dead, 80)
  expect(text).toContain('dead at sine after 12.5 ms: past-double\nnumbers[0] is \uFFFDtoo large.')
  expect(text).toContain('2  sine   no answer: past-double')
  expect(text).toMatch(/2 {2}sine +2\.00 ms +0\.50 ms +- +- +-/)
})

test('a publish time below the resolution of the broker is not shown as 0', () => {
  const steps = [step(1, 'add', 0, { nextQueuedAt: start + 7.5 })]
  const text = renderMessage(
    { ...finished, attempts: [{ attempt: 1, state: 'in flight', finishedAt: null, replayedTo: null, steps }] },
    80,
  )
  expect(text).toMatch(/1 {2}add +2\.00 ms +0\.50 ms +5\.00 ms +< 1 ms +7\.50 ms/)
})

test('attempts are told apart', () => {
  const [first] = dead.attempts
  const [second] = finished.attempts
  if (first === undefined || second === undefined) throw new Error('no attempts')
  const text = renderMessage({ ...dead, attempts: [first, { ...second, attempt: 2 }] }, 80)
  expect(text).toMatch(/Attempt 1: dead at sine[\s\S]+Attempt 2: finished/)
})

test('an attempt that no stage has consumed yet says where it was sent', () => {
  const replayed = {
    attempt: 2,
    state: 'in flight',
    finishedAt: null,
    replayedTo: 'sine',
    steps: [],
  } as const
  const text = renderMessage({ ...dead, attempts: [...dead.attempts, replayed] }, 80)
  expect(text).toMatch(/\n\nAttempt 2: sent to sine, which has not consumed it yet$/)
})

test('a foreign trace is named', () => {
  const traceId = 'a'.repeat(32)
  const attempts = finished.attempts.map((one) => ({
    ...one,
    steps: one.steps.map((each) => ({ ...each, traceId })),
  }))
  expect(renderMessage({ ...finished, attempts }, 80)).toContain(`Trace   ${traceId}`)
})

test('JSON has every digit, and times to the microsecond', () => {
  const exact = step(1, 'add', 0.123, { result: '{"a":[38578330478947144032.10],"b":"1.0"}' })
  const history: MessageHistory = {
    id,
    enteredFor: 'add',
    attempts: [{ attempt: 1, state: 'in flight', finishedAt: null, replayedTo: null, steps: [exact] }],
  }
  const json = toJson(messageJson(history))
  expect(json).toContain('"result":{"a":[38578330478947144032.10],"b":"1.0"}')
  expect(json).toContain('"offset":9007199254740993')
  expect(json).toContain('"queuedAt":"2025-11-24T02:30:11.000123Z"')
  expect(json).toContain('"waitMs":2,"workMs":0.5,"saveMs":5,"publishMs":2.5,"totalMs":10')
})

test('a message without an end is explained', () => {
  const inFlight = {
    ...finished,
    attempts: finished.attempts.map((one) => ({ ...one, state: 'in flight' as const })),
  }
  expect(renderUnfinished(finished, 30)).toBeUndefined()
  expect(renderUnfinished(dead, 30)).toBeUndefined()
  expect(renderUnfinished(inFlight, 30)).toContain('not finished within 30 s')
  expect(renderUnfinished({ id, enteredFor: 'add', attempts: [] }, 30)).toContain(
    'entered for add, which has not consumed it within 30 s: does a process of it run?',
  )
  expect(renderUnfinished({ id, enteredFor: null, attempts: [] }, 30)).toContain(`Message ${id} was not seen within 30 s`)
})

test('parts are drawn to scale on one axis', () => {
  const lines = timelineLines(
    [
      { stage: 'add', boundaries: [1000, 1004, 1005, 1008, 1010] },
      { stage: 'multiply', boundaries: [1010, 1010, 1010, 1010, 1030] },
      { stage: 'lcm', boundaries: [1030, 1036, 1040, null, null] },
    ],
    50,
  )
  expect(lines).toEqual([
    'add       ····█▒▒▒──',
    'multiply            ────────────────────',
    'lcm                                     ······████',
    '          0                                40.0 ms',
    '          · wait   █ work   ▒ save   ─ publish   one column is 1.00 ms',
  ])
})

test('what is shorter than a column shows as its longest part', () => {
  const lines = timelineLines(
    [
      { stage: 'add', boundaries: [0, 0.1, 0.2, 0.5, 0.6] },
      { stage: 'lcm', boundaries: [0.6, 1000, 1000, 1000, 1000] },
    ],
    45,
  )
  expect(lines[0]).toBe('add  ▒')
  expect(lines[1]).toBe(`lcm  ${'·'.repeat(40)}`)
})

test('no time, no drawing', () => {
  expect(timelineLines([{ stage: 'add', boundaries: [5, 5, 5, null, null] }], 80)).toEqual([])
})
