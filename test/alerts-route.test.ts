import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createHealth } from '../telemetry/health.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { serveHttp, type HttpServer } from '../telemetry/http.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { alertsRoute } from '../monitor/alerts-route.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
let server: HttpServer
beforeAll(async () => {
  pipeline = await freshPipeline()
  server = await serveAlerts(pipeline.database)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await pipeline[Symbol.asyncDispose]()
})

function serveAlerts(database: Database): Promise<HttpServer> {
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  const { log } = pipeline
  const routes = [alertsRoute({ database, metrics, log })]
  return serveHttp({ host: '127.0.0.1', port: 0, health: createHealth(), metrics, log, routes })
}

async function post(body: string, { port } = server): Promise<[number, string]> {
  const answer = await fetch(`http://127.0.0.1:${port}/alerts`, { method: 'POST', body })
  return [answer.status, await answer.text()]
}

const alert = {
  status: 'firing',
  labels: { alertname: 'A stage is stopped' },
  startsAt: '2026-01-01T00:00:00Z',
}
const alertOf = (fingerprint: string) => ({ ...alert, fingerprint })
const notification = (...fingerprints: string[]) => ({ alerts: fingerprints.map(alertOf) })

test('a notification of a megabyte is stored, one of a byte more is too large', async () => {
  const full = { ...notification('full'), padding: '' }
  full.padding = 'x'.repeat(1_048_576 - JSON.stringify(full).length)
  expect(await post(JSON.stringify(full))).toEqual([200, '1 received, 1 new\n'])
  expect(await post(`${JSON.stringify(full)} `)).toEqual([413, 'A notification has at most 1048576 bytes.\n'])
})

test('1,000 alerts at once are stored, 1,001 are refused', async () => {
  const many = Array.from({ length: 1000 }, (_, index) => `many ${index}`)
  expect(await post(JSON.stringify(notification(...many)))).toEqual([200, '1000 received, 1000 new\n'])
  const [status, text] = await post(JSON.stringify(notification(...many, 'one more')))
  expect(status).toBe(400)
  expect(text).toContain('1000')
})

test('that an alert was resolved is stored and logged once, also when Grafana repeats it with its end as its start', async () => {
  const info = vi.spyOn(pipeline.log, 'info')
  const endsAt = '2026-01-01T00:05:00Z'
  const resolved = { ...alertOf('resolved'), status: 'resolved', endsAt }
  const again = { ...resolved, startsAt: endsAt }
  expect(await post(JSON.stringify(notification('resolved')))).toEqual([200, '1 received, 1 new\n'])
  expect(await post(JSON.stringify({ alerts: [resolved] }))).toEqual([200, '1 received, 1 new\n'])
  const others = [...notification('another').alerts, again]
  expect(await post(JSON.stringify({ alerts: others }))).toEqual([200, '2 received, 1 new\n'])
  const later = { ...resolved, startsAt: '2026-01-01T00:06:00Z', endsAt: '2026-01-01T00:07:00Z' }
  expect(await post(JSON.stringify({ alerts: [later, again] }))).toEqual([200, '2 received, 1 new\n'])
  expect(info.mock.calls.map(([fields]) => fields)).toEqual(
    ['firing', 'resolved', 'firing', 'resolved'].map((status) => ({ status })),
  )
  info.mockRestore()
})

test('texts that Postgres refuses are changed in nothing else', async () => {
  const odd = { ...alert, fingerprint: 'odd', annotations: { summary: `\0${'x'.repeat(1998)}\u{1F525}` } }
  const both = { alerts: [{ ...odd, values: { 'A\0': 1 } }, ...notification('beside it').alerts] }
  expect(await post(JSON.stringify(both))).toEqual([200, '2 received, 2 new\n'])
  const { rows } = await pipeline.database.query(`select summary from alert_notifications where fingerprint = 'odd'`)
  expect(rows).toEqual([{ summary: `\uFFFD${'x'.repeat(1998)}\uFFFD` }])
})

test.each([
  ['0000-01-01T00:00:00Z', 'Postgres refuses its content: '],
  ['2026-01-01T00:00:00+23:00', 'Postgres refuses its content: '],
])('a start at %s is an error of the sender', async (startsAt, message) => {
  const [status, text] = await post(JSON.stringify({ alerts: [{ ...alert, fingerprint: 'then', startsAt }] }))
  expect(status).toBe(400)
  expect(text).toContain(message)
})

test('without Postgres the sender is asked to try again', async () => {
  const away = openDatabase({ ...pipeline.config, DB_HOST: '127.0.0.1', DB_PORT: 1 }, 1)
  await using alone = await serveAlerts(away)
  const answer = [503, 'The notification could not be stored: try again.\n']
  expect(await post(JSON.stringify(notification('later')), alone)).toEqual(answer)
  await away.end()
})

test('a sender that goes away in the middle of a request does no harm', async () => {
  const warn = vi.spyOn(pipeline.log, 'warn')
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('POST /alerts HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\nabcde', () => socket.destroy())
  await vi.waitUntil(() => warn.mock.calls.length > 0, { timeout: 10_000 })
  expect(warn.mock.calls.map(([, message]) => message)).toEqual(['POST /alerts was aborted by the client'])
  expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200)
})
