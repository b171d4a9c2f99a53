import type { IncomingMessage, ServerResponse } from 'node:http'
import { isContentError, type Database } from '../sql/database.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { keepAlerts } from './keep-alerts.ts'
import { readNotification } from './notification.ts'

/** Bytes; Grafana's largest notifications are some hundred kilobytes. */
const LARGEST = 1_048_576

export interface AlertsDesk {
  readonly database: Database
  readonly metrics: Metrics
  readonly log: Log
}

/**
 * Answers `POST /alerts`, where Grafana's webhook contact point delivers: 200 when it is kept, 400 when it is no
 * notification or nothing that Postgres takes, 413 when it is too large, 503 when Postgres is away. Grafana tries again
 * what is not answered by 2xx.
 */
export async function answerAlerts(
  request: IncomingMessage,
  response: ServerResponse,
  { database, metrics, log }: AlertsDesk,
): Promise<void> {
  const say = (status: number, text: string) =>
    void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  if (request.method !== 'POST') return say(405, "POST a notification of Grafana's webhook here.")
  const body = await readBody(request)
  if (body === undefined) return say(413, `A notification has at most ${LARGEST} bytes.`)
  try {
    const alerts = readNotification(body)
    const news = await keepAlerts(alerts, database)
    for (const { status } of alerts) metrics.count('throughline_alert_notifications_total', 1, { status })
    for (const { status, alert, summary } of alerts)
      log.info({ status }, `Alert ${status}: ${summary ?? alert}`)
    say(200, `${alerts.length} received, ${news} new`)
  } catch (error) {
    if (error instanceof SyntaxError) return say(400, error.message)
    if (isContentError(error)) return say(400, `Postgres does not take what is in it: ${error.message}`)
    log.warn({ err: error }, 'A notification could not be kept')
    say(503, 'Postgres does not take it now: try again.')
  }
}

/** Undefined when it is too large; the rest is read and forgotten, so that the answer arrives. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= LARGEST) chunks.push(chunk)
  }
  return bytes > LARGEST ? undefined : Buffer.concat(chunks).toString()
}
