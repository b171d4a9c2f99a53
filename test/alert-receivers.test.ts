import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { findProgram, freePort, temporaryDirectory } from '../local/host-resources.ts'
import { startGrafana } from '../local/observability-servers.ts'
import { serveLocally } from './support/processes/local-http-server.ts'
import { startMailReceiver } from './support/telemetry/mail-receiver.ts'

const command = findProgram('grafana')
const wait = { timeout: 240_000, interval: 500 }
const nothing = 'http://127.0.0.1:1'

/**
 * Starts a Grafana whose data sources and monitor are away, so that the alert "Monitor down" fires after a minute.
 * @param receiver the variables that say where alerts go
 */
async function startAlone(receiver: Readonly<Record<string, string>>): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const { path } = starting.use(await temporaryDirectory())
  const sources = { PROMETHEUS_URL: nothing, TEMPO_URL: nothing, POSTGRES_ADDRESS: '127.0.0.1:1', DB_NAME: 'none' }
  const env = { ...sources, GRAFANA_DB_PASSWORD: 'none', ALERTS_URL: nothing, ...receiver }
  const options = { command: command ?? '', port: await freePort(), dataDir: join(path, 'data'), env }
  starting.use(await startGrafana(options))
  return starting.move()
}

describe.skipIf(command === undefined)('alerts leave a real Grafana (skipped without one: GRAFANA_BIN, PATH)', () => {
  test('as JSON to a webhook, with ALERT_RECEIVER=webhook', async () => {
    const notifications: unknown[] = []
    const logins = new Set<string | undefined>()
    const receive = async (request: IncomingMessage, response: ServerResponse) => {
      logins.add(request.headers.authorization)
      notifications.push(await json(request))
      response.end()
    }
    await using server = await serveLocally((request, response) => void receive(request, response))
    await using _ = await startAlone({
      ALERT_RECEIVER: 'webhook',
      ALERT_WEBHOOK_URL: `${server.origin}/alerts`,
      ALERT_WEBHOOK_TOKEN: 'token-of-the-test',
    })
    await expect.poll(() => notifications.length, wait).toBe(1)
    expect([...logins]).toEqual(['Bearer token-of-the-test'])
    const annotations: unknown = expect.objectContaining({
      summary: expect.stringMatching(/^The monitor has taken no sample/),
    })
    expect(notifications).toMatchObject([
      { status: 'firing', alerts: [{ labels: { alertname: 'Monitor down' }, annotations }] },
    ])
  })

  test('as mail to each address, with ALERT_RECEIVER=email', async () => {
    await using server = await startMailReceiver()
    await using _ = await startAlone({
      ALERT_RECEIVER: 'email',
      ALERT_MAIL_TO: 'one@example.org,two@example.org',
      GF_SMTP_ENABLED: 'true',
      GF_SMTP_HOST: server.address,
      GF_SMTP_FROM_ADDRESS: 'pipeline@example.org',
    })
    await expect
      .poll(() => server.mails.flatMap(({ to }) => to).toSorted(), wait)
      .toEqual(['one@example.org', 'two@example.org'])
    for (const { text } of server.mails) {
      expect(text).toMatch(/^From: .*pipeline@example\.org/m)
      expect(text).toMatch(/^Subject: .*Monitor down/m)
      expect(text).toContain('The monitor has taken no sample for 30 seconds')
    }
  })
})
