import { expect, test } from 'vitest'
import type { DeliveredAlert } from '../../sql/read-status.ts'
import { renderAlerts } from './alerts.ts'

const firing: DeliveredAlert = {
  receivedAt: 1_763_951_411_123,
  status: 'firing',
  alert: 'Stage stopped or stalled',
  stage: 'lcm',
  severity: 'critical',
  summary: 'lcm is stopped, messages wait and no process runs it: start it with `throughline run lcm`.',
  values: { value: 4, fires: 1 },
  url: 'http://localhost:3000/d/stage?var-stage=lcm',
  startsAt: 1_763_951_400_000,
  endsAt: null,
}

test('what fires says what to do; what is resolved says how long it lasted', () => {
  const resolved = { ...firing, status: 'resolved', endsAt: firing.startsAt + 80_000 } as const
  expect(renderAlerts([resolved, firing], 60).split('\n')).toEqual([
    '2025-11-24 02:30:11Z  resolved  lcm: Stage stopped or stall…',
    '    It lasted 1 min 20 s.',
    '2025-11-24 02:30:11Z  critical  lcm: Stage stopped or stall…',
    '    lcm is stopped, messages wait and no process runs it:',
    '    start it with `throughline run lcm`.',
  ])
})

test('a summary of several lines cannot move the cursor, and keeps its lines', () => {
  const odd = { ...firing, summary: 'one \u001B[2Jtwo\nthree' }
  expect(renderAlerts([odd], 60).split('\n').slice(1)).toEqual(['    one two', '    three'])
})

test('about no stage, without severity or summary, and with an escape in its name', () => {
  const odd = { ...firing, stage: null, severity: null, summary: null, alert: 'Odd\u001B[2J one' }
  expect(renderAlerts([odd], 80)).toBe('2025-11-24 02:30:11Z  firing    Odd one\n    It says no more.')
})
