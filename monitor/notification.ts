import { z } from 'zod/v3'

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
export type NotifiedAlert = z.infer<typeof alert>

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
