import type { IncomingMessage } from 'node:http'
import { z } from 'zod/v3'
import { isContentError, select, type Queryable } from '../sql/database.ts'
import type { HttpRoute } from '../telemetry/http.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Bytes; Grafana's largest notifications are some hundred kilobytes. */
const MAX_BYTES = 1_048_576

/** Bytes of all notifications that are being received: many slow senders together must not exceed the memory of the monitor. */
const MAX_BUFFERED_BYTES = 4 * MAX_BYTES

/**
 * `POST /alerts`, for Grafana's webhook contact point: 200 when the notification is stored, 400 when it is not a notification
 * or has content that Postgres refuses, 413 when it is too large, 503 when Postgres is away. Grafana repeats a notification
 * that is not answered by 2xx.
 */
export function alertsRoute({ database, metrics, log }: { database: Queryable; metrics: Metrics; log: Log }): HttpRoute {
  const readBody = createBodyReader()
  return {
    path: '/alerts',
    async handle(request) {
      if (request.method !== 'POST') return [405, "POST a notification of Grafana's webhook here."]
      const body = await readBody(request)
      if (body === 'too large') return [413, `A notification has at most ${MAX_BYTES} bytes.`]
      if (body === 'too many') return [503, 'Too many notifications are being received: try again.']
      try {
        const alerts = readNotification(body.text)
        const inserted = await insertAlerts(alerts, database)
        for (const { status } of alerts) metrics.count('throughline_alert_notifications_total', 1, { status })
        for (const { status, alert, summary } of inserted) log.info({ status }, `Alert ${status}: ${summary ?? alert}`)
        return [200, `${alerts.length} received, ${inserted.length} new`]
      } catch (error) {
        if (error instanceof SyntaxError) return [400, error.message]
        if (isContentError(error)) return [400, `Postgres refuses its content: ${error.message}`]
        log.warn({ err: error }, 'A notification could not be stored')
        return [503, 'The notification could not be stored: try again.']
      }
    },
  }
}

/** Reads the bodies of requests. The rest of one that is refused is read and dropped, so that the client gets the answer. */
function createBodyReader() {
  let buffered = 0
  return async (request: IncomingMessage): Promise<{ readonly text: string } | 'too large' | 'too many'> => {
    let chunks: Buffer[] = []
    let bytes = 0
    let refusal: 'too large' | 'too many' | undefined
    const release = () => {
      buffered -= bytes
      bytes = 0
      chunks = []
    }
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        if (refusal !== undefined) continue
        chunks.push(chunk)
        bytes += chunk.length
        buffered += chunk.length
        if (bytes > MAX_BYTES) refusal = 'too large'
        else if (buffered > MAX_BUFFERED_BYTES) refusal = 'too many'
        if (refusal !== undefined) release()
      }
      return refusal ?? { text: Buffer.concat(chunks).toString() }
    } finally {
      release()
    }
  }
}

/**
 * Grafana repeats a notification while its alert fires: the repetition conflicts with the row that is there. It repeats that an
 * alert was resolved when another alert of the same rule fires or is resolved: the end is the same, but the start may be moved
 * to it.
 */
const insert = `
insert into alert_notifications (status, alert, stage, severity, summary, "values", url, starts_at, ends_at, fingerprint)
select status, alert, stage, severity, summary, "values", url, starts_at, ends_at, fingerprint
from json_populate_recordset(null::alert_notifications, $1) as sent
where not exists (
  select from alert_notifications as stored
  where stored.fingerprint = sent.fingerprint and stored.status = 'resolved' and stored.ends_at = sent.ends_at
)
on conflict do nothing
returning status, alert, summary`

type InsertedAlert = Pick<NotifiedAlert, 'status' | 'alert' | 'summary'>

/** Returns the alerts that were not there yet. */
export async function insertAlerts(alerts: readonly NotifiedAlert[], database: Queryable): Promise<InsertedAlert[]> {
  return await select<InsertedAlert>(database, insert, [JSON.stringify(alerts)])
}

/** Postgres refuses NUL and lone surrogates, which a cut can leave. */
const text = (maxLength: number) =>
  z.string().transform((value) => value.slice(0, maxLength).replaceAll('\0', '\uFFFD').toWellFormed())
const texts = z.record(z.string(), text(2000)).default({})

const time = z.string().datetime({ offset: true })

const alert = z
  .object({
    status: z.enum(['firing', 'resolved']),
    labels: texts,
    annotations: texts,
    startsAt: time,
    endsAt: time.optional(),
    fingerprint: text(200),
    values: z.record(text(200), z.number().finite()).nullish(),
    panelURL: text(2000).default(''),
    dashboardURL: text(2000).default(''),
    generatorURL: text(2000).default(''),
  })
  .transform(({ labels, annotations, values, panelURL, dashboardURL, generatorURL, startsAt, endsAt, ...rest }) => ({
    ...rest,
    starts_at: startsAt,
    // Grafana sends the year 1 while an alert fires.
    ends_at: rest.status === 'resolved' ? (endsAt ?? null) : null,
    alert: labels['alertname'] ?? 'unnamed',
    stage: labels['stage'] ?? null,
    severity: labels['severity'] ?? null,
    summary: annotations['summary'] ?? annotations['description'] ?? null,
    values: values ?? null,
    // The rule's own link has the stage; Grafana's have the panel alone.
    url: annotations['dashboard'] || panelURL || dashboardURL || generatorURL || null,
  }))

/** The body that Grafana's webhook contact point posts: at most a few hundred alerts. Other fields are ignored. */
const notification = z.object({ alerts: z.array(alert).max(1000) })

/** One alert, firing or resolved, as its row has it. */
type NotifiedAlert = z.infer<typeof alert>

/** @throws {SyntaxError} saying in one sentence what is wrong with the notification */
export function readNotification(body: string): readonly NotifiedAlert[] {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (cause) {
    throw new SyntaxError("Not a notification of Grafana's webhook: it is not JSON", { cause })
  }
  const result = notification.safeParse(json)
  if (result.success) return result.data.alerts
  const [issue] = result.error.issues
  throw new SyntaxError(`Not a notification of Grafana's webhook: ${issue?.path.join('.')}: ${issue?.message}`)
}
