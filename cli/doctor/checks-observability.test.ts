import { expect, test } from 'vitest'
import type { Answer } from '../ask.ts'
import { judgeDataSource, judgeReceiver, judgeTargets } from './checks-observability.ts'

const url = 'http://localhost:3000'
const json = (value: unknown, status = 200): Answer => ({ status, body: JSON.stringify(value) })

test('Prometheus: something else, without targets, with one that is down, and with all up', () => {
  const target = (health: string, lastError = '') => {
    return { labels: { job: 'throughline', instance: 'localhost:9464' }, health, lastError }
  }
  const targets = (...activeTargets: unknown[]) => json({ status: 'success', data: { activeTargets } })
  expect(judgeTargets({ status: 200, body: '<html>' }, url).status).toBe('failure')
  expect(judgeTargets(targets(), url)).toMatchObject({ status: 'failure', message: expect.stringContaining('no process') })
  expect(judgeTargets(targets(target('up'), target('down', 'refused')), url)).toMatchObject({
    status: 'failure',
    message: 'Prometheus cannot scrape throughline at localhost:9464 (refused)',
  })
  expect(judgeTargets(targets(target('up'), target('unknown')), url).status).toBe('pass')
})

test.each([
  [
    'postgres',
    json({ status: 'OK', message: 'Database Connection OK' }),
    'pass',
    'The data source postgres of Grafana works',
  ],
  [
    'prometheus',
    json({ status: 'ERROR', message: 'Post "http": refused' }, 400),
    'failure',
    'The data source prometheus of Grafana does not work (Post "http": refused)',
  ],
  [
    'tempo',
    json({ message: 'Data source not found' }, 404),
    'failure',
    'The data source tempo of Grafana does not work (Data source not found)',
  ],
  ['odd', { status: 502, body: '<html>' }, 'failure', 'The data source odd of Grafana does not work (status 502)'],
  ['silent', undefined, 'failure', 'The data source silent of Grafana does not work (no answer)'],
  [
    'closed',
    json({ message: 'Unauthorized' }, 401),
    'warning',
    'Grafana does not tell without a login whether the data source closed works',
  ],
])('the data source %s', (name, answer, status, message) => {
  expect(judgeDataSource(name, answer, url)).toMatchObject({ status, message })
})

test('a Grafana that wants a login: what to do', () => {
  expect(judgeDataSource('closed', json({}, 403), url).remedy).toBe('set GRAFANA_URL=http://admin:PASSWORD@localhost:3000')
})

test('the alert receiver', () => {
  expect(judgeReceiver({ status: 200, body: '0 received, 0 new\n' }, url).status).toBe('pass')
  expect(judgeReceiver({ status: 503, body: 'try again' }, url)).toMatchObject({
    status: 'failure',
    message: `What answers at ${url} takes no alerts (503 try again)`,
  })
  expect(judgeReceiver(undefined, url)).toMatchObject({ status: 'failure', message: `Nothing takes alerts at ${url}` })
})
