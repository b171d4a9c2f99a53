import { expect, test } from 'vitest'
import { readNotification } from './alerts-route.ts'

/** As Grafana sends it, with fields that are ignored. */
const body = {
  receiver: 'monitor',
  status: 'firing',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'A stage is stopped', stage: 'lcm', severity: 'critical' },
      annotations: { summary: 'lcm is stopped' },
      startsAt: '2026-01-01T00:38:40Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://localhost:3000/alerting/grafana/stopped/view',
      fingerprint: '05ad4dbee0b6a896',
      dashboardURL: '',
      panelURL: 'http://localhost:3000/d/stage?viewPanel=1',
      values: { A: 4, C: 1 },
    },
    {
      status: 'resolved',
      labels: { alertname: 'Messages are missing' },
      annotations: {},
      startsAt: '2026-01-01T00:38:40Z',
      endsAt: '2026-01-01T00:41:00+01:00',
      fingerprint: 'ba1582d7caa121f3',
      values: null,
    },
  ],
  orgId: 1,
}

test('a notification has the alerts with what a person needs', () => {
  const [firing, resolved] = readNotification(JSON.stringify(body))
  expect(firing).toEqual({
    status: 'firing',
    alert: 'A stage is stopped',
    stage: 'lcm',
    severity: 'critical',
    summary: 'lcm is stopped',
    starts_at: '2026-01-01T00:38:40Z',
    ends_at: null,
    fingerprint: '05ad4dbee0b6a896',
    values: { A: 4, C: 1 },
    url: 'http://localhost:3000/d/stage?viewPanel=1',
  })
  expect(resolved).toMatchObject({ status: 'resolved', stage: null, summary: null, values: null, url: null })
  expect(resolved?.ends_at).toBe('2026-01-01T00:41:00+01:00')
})

test("the rule's link to the stage's own dashboard comes before Grafana's to a panel of any", () => {
  const [alert] = body.alerts
  const dashboard = 'http://localhost:3000/d/stage?var-stage=lcm'
  const [linked] = readNotification(JSON.stringify({ alerts: [{ ...alert, annotations: { dashboard } }] }))
  expect(linked?.url).toBe(dashboard)
})

test('a body that is not a notification is refused with a sentence', () => {
  expect(() => readNotification('no')).toThrow('it is not JSON')
  expect(() => readNotification('{}')).toThrow('alerts')
  expect(() => readNotification('null')).toThrow('Expected object')
  expect(() => readNotification('no')).toThrow(SyntaxError)
  const wrong = { alerts: [{ ...body.alerts[0], status: 'maybe' }] }
  expect(() => readNotification(JSON.stringify(wrong))).toThrow('alerts.0.status')
  const many = { alerts: Array.from({ length: 1001 }, () => body.alerts[0]) }
  expect(() => readNotification(JSON.stringify(many))).toThrow('1000')
})

test('texts are cut to a length that a table can show', () => {
  const [alert] = body.alerts
  const long = { alerts: [{ ...alert, annotations: { summary: 'x'.repeat(100_000) } }] }
  expect(readNotification(JSON.stringify(long))[0]?.summary).toHaveLength(2000)
})

test('texts have no characters that Postgres refuses', () => {
  const [alert] = body.alerts
  const summary = `\0${'x'.repeat(1998)}\u{1F525}`
  const odd = { ...alert, annotations: { summary }, fingerprint: 'a\0b', values: { 'A\0\uD83D': 4 } }
  const [read] = readNotification(JSON.stringify({ alerts: [odd] }))
  expect(read?.summary).toBe(`\uFFFD${'x'.repeat(1998)}\uFFFD`)
  expect(read?.fingerprint).toBe('a\uFFFDb')
  expect(read?.values).toEqual({ 'A\uFFFD\uFFFD': 4 })
})
