import { z } from 'zod/v3'

/** Postgres takes no NUL and no half of a character, which a cut can leave. */
const text = (longest: number) =>
  z.string().transform((value) => value.slice(0, longest).replaceAll('\0', '\uFFFD').toWellFormed())
const texts = z.record(z.string(), text(2000)).default({})

/** What Postgres takes, too. */
const time = z
  .string()
  .datetime({ offset: true })
  .refine((value) => !value.startsWith('0000'), 'expected a year from 0001 to 9999')

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
  .transform(({ labels, annotations, values, panelURL, dashboardURL, generatorURL, endsAt, ...rest }) => ({
    ...rest,
    // Grafana writes the year 1 for an end that has not come.
    endsAt: rest.status === 'resolved' ? (endsAt ?? null) : null,
    alert: labels['alertname'] ?? 'unnamed',
    stage: labels['stage'] ?? null,
    severity: labels['severity'] ?? null,
    summary: annotations['summary'] ?? annotations['description'] ?? null,
    values: values ?? null,
    // Grafana's own links know the panel and not the stage.
    url: annotations['dashboard'] || panelURL || dashboardURL || generatorURL || null,
  }))

/** What Grafana's webhook contact point sends: at most a few hundred alerts at once. Other fields are ignored. */
const notification = z.object({ alerts: z.array(alert).max(1000) })

/** One alert that fires or is resolved, as it is kept. */
export type NotifiedAlert = z.infer<typeof alert>

/**
 * Reads a notification.
 * @throws {SyntaxError} with a sentence that says what is wrong with it
 */
export function readNotification(body: string): readonly NotifiedAlert[] {
  const result = notification.safeParse(parse(body))
  if (result.success) return result.data.alerts
  const [issue] = result.error.issues
  throw new SyntaxError(
    `Not a notification of Grafana's webhook: ${issue?.path.join('.')}: ${issue?.message}`,
  )
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new SyntaxError("Not a notification of Grafana's webhook: it is no JSON", { cause })
  }
}
