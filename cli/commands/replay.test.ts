import { expect, test } from 'vitest'
import type { RedrivePlan } from '../../pipeline/ingress/replay.ts'
import { renderPlan, renderRedriven } from './replay.ts'

const plan: RedrivePlan = {
  filter: {},
  count: 1234,
  groups: [
    { stage: 'lcm', reason: 'stage-failed', count: 1200 },
    { stage: 'square-root', reason: 'rejected-by-database', count: 34 },
  ],
  from: Date.parse('2026-11-27T02:00:00Z'),
  until: Date.parse('2026-11-27T02:30:00Z'),
  isLimitReached: false,
  inReplay: 0,
  withoutStage: 0,
}

test('the preview has the number of messages by stage and reason, and when they died', () => {
  expect(renderPlan(plan, 80)).toBe(`1,234 messages, dead from 2026-11-27 02:00:00Z to 2026-11-27 02:30:00Z:
messages  stage        reason
   1,200  lcm          stage-failed
      34  square-root  rejected-by-database`)
})

test('what is left out is said, also when nothing is sent', () => {
  const leftOut = { ...plan, count: 0, groups: [], isLimitReached: true, inReplay: 1000, withoutStage: 1 }
  expect(renderPlan(leftOut, 80)).toBe(`No open dead letter matches.
--limit is reached: there may be more.
1,000 in replay already: not sent again.
1 of stages that the pipeline no longer has: not sent.`)
})

test('the table keeps to 40 columns', () => {
  const lines = renderPlan(plan, 40).split('\n').slice(1)
  expect(Math.max(...lines.map((line) => line.length))).toBe(40)
})

test('the result says how many were sent, and why others were not', () => {
  expect(renderRedriven(plan, { sent: 1234, refused: [] }, false)).toBe('1,234 of 1,234 messages sent.')
  expect(renderRedriven(plan, { sent: 500, refused: [] }, true)).toBe(
    '500 of 1,234 messages sent.\nInterrupted: the same command sends the rest.',
  )
  expect(renderRedriven(plan, { sent: 1200, refused: ['a'] }, false)).toBe(
    '1,200 of 1,234 messages sent.\n33 not sent, because they are not open any more.\nRefused by the broker for their size:\na',
  )
})
