import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertAlerts } from '../monitor/alerts-route.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const alerts = (...args: string[]) => throughline(['alerts', ...args], { env: pipeline.env })

test('alerts lists what was delivered, newest first, and whole as JSON', async () => {
  expect(await alerts()).toEqual({ code: 0, stdout: 'No alert was delivered so far.\n', stderr: '' })
  const firing = {
    status: 'firing',
    alert: 'Stage stopped or stalled',
    stage: 'lcm',
    severity: 'critical',
    summary: 'lcm is stopped',
    values: { value: 4 },
    url: 'http://localhost:3000/d/stage?var-stage=lcm',
    starts_at: '2026-01-01T00:00:00Z',
    ends_at: null,
    fingerprint: 'a',
  } as const
  const resolved = { ...firing, status: 'resolved', ends_at: '2026-01-01T00:01:20Z' } as const
  await insertAlerts([firing], pipeline.database)
  await insertAlerts([resolved], pipeline.database)
  const { stdout } = await alerts()
  expect(stdout.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/gm, 'THEN')).toBe(
    [
      'THEN  resolved  lcm: Stage stopped or stalled',
      '    It lasted 1 min 20 s.',
      'THEN  critical  lcm: Stage stopped or stalled',
      '    lcm is stopped\n',
    ].join('\n'),
  )
  const { stdout: json } = await alerts('--limit', '1', '--json')
  const { fingerprint: _, starts_at: _start, ends_at: _end, ...shown } = resolved
  const times = { startsAt: '2026-01-01T00:00:00.000000Z', endsAt: '2026-01-01T00:01:20.000000Z' }
  expect(JSON.parse(json)).toEqual([{ ...shown, ...times, receivedAt: expect.any(String) }])
})
