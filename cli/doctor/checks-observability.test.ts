import { expect, test } from 'vitest'
import type { Answer } from '../ask.ts'
import { judgeContactPoint, judgeDataSources } from './checks-grafana.ts'
import { judgeReceiver, judgeTargets } from './checks-observability.ts'

const url = 'http://localhost:3000'
const json = (value: unknown, status = 200): Answer => ({ status, body: JSON.stringify(value) })

test('Prometheus: away, something else, without targets, with one that is down, and with all up', () => {
  const target = (health: string, lastError = '') => {
    return { labels: { job: 'throughline', instance: 'localhost:9464' }, health, lastError }
  }
  const targets = (...activeTargets: unknown[]) => json({ status: 'success', data: { activeTargets } })
  expect(judgeTargets(undefined, url)).toMatchObject({ status: 'warning', message: expect.stringContaining('not running') })
  expect(judgeTargets({ status: 200, body: '<html>' }, url).status).toBe('failure')
  expect(judgeTargets(targets(), url)).toMatchObject({ status: 'failure', message: expect.stringContaining('no process') })
  expect(judgeTargets(targets(target('up'), target('down', 'refused')), url)).toMatchObject({
    status: 'failure',
    message: 'Prometheus cannot scrape throughline at localhost:9464 (refused)',
  })
  expect(judgeTargets(targets(target('up'), target('unknown')), url).status).toBe('pass')
})

test('data sources of Grafana: those that work in one line, each other one by itself', () => {
  const answers = new Map([
    ['postgres', json({ status: 'OK', message: 'Database Connection OK' })],
    ['prometheus', json({ status: 'ERROR', message: 'Post "http": refused' }, 400)],
    ['away', json({ status: 'ERROR', message: 'no such host' }, 400)],
    ['tempo', json({ message: 'Data source not found' }, 404)],
    ['silent', undefined],
    ['closed', json({ message: 'Unauthorized' }, 401)],
  ])
  expect(judgeDataSources(answers, ['away'], url)).toMatchObject([
    { status: 'pass', message: 'These data sources of Grafana work: postgres' },
    { status: 'failure', message: 'The data source prometheus does not work (Post "http": refused)' },
    { status: 'warning', message: 'The data source away has no server' },
    { status: 'failure', message: 'Grafana has no data source tempo' },
    { status: 'failure', message: 'The data source silent does not answer Grafana' },
    { status: 'warning', remedy: 'set GRAFANA_URL=http://admin:PASSWORD@localhost:3000' },
  ])
})

test('the contact point of alerts', () => {
  const points = json([
    { name: 'monitor', type: 'webhook', settings: { url: 'http://monitor:9464/alerts' } },
    { name: 'mail', type: 'email', settings: { addresses: 'me' } },
  ])
  const policy = (receiver: string) => json({ receiver, group_by: [] })
  expect(judgeContactPoint(points, policy('monitor'), url)).toMatchObject({
    status: 'pass',
    message: 'Alerts go to the contact point monitor: webhook',
  })
  expect(judgeContactPoint(points, policy('mail'), url).status).toBe('warning')
  expect(judgeContactPoint(points, policy('gone'), url).status).toBe('failure')
  expect(judgeContactPoint(json({}, 403), json({}, 403), url)).toMatchObject({
    status: 'warning',
    message: expect.stringContaining('without a login'),
  })
})

test('the alert receiver', () => {
  expect(judgeReceiver({ status: 200, body: '0 received, 0 new\n' }, url).status).toBe('pass')
  expect(judgeReceiver({ status: 503, body: 'try again' }, url)).toMatchObject({
    status: 'failure',
    message: `What answers at ${url} takes no alerts (503 try again)`,
  })
  expect(judgeReceiver(undefined, url)).toMatchObject({ status: 'failure', message: `Nothing takes alerts at ${url}` })
})
