import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod/v3'

const directory = join(import.meta.dirname, '..', '..', 'grafana', 'provisioning', 'alerting')

/** Converts Grafana's durations to seconds. */
const duration = z
  .string()
  .regex(/^\d+[sm]$/)
  .transform((text) => Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1))

const range = z.strictObject({ from: z.number(), to: z.literal(0) })

const prometheus = z.strictObject({
  refId: z.string(),
  datasourceUid: z.literal('prometheus'),
  relativeTimeRange: range,
  model: z.strictObject({
    refId: z.string(),
    editorMode: z.literal('code'),
    instant: z.literal(true),
    range: z.literal(false),
    expr: z.string(),
  }),
})

const postgres = z.strictObject({
  refId: z.string(),
  datasourceUid: z.literal('postgres'),
  relativeTimeRange: range,
  model: z.strictObject({
    refId: z.string(),
    editorMode: z.literal('code'),
    rawQuery: z.literal(true),
    format: z.literal('table'),
    rawSql: z.string(),
  }),
})

const evaluator = z.strictObject({
  type: z.enum(['gt', 'lt', 'within_range']),
  params: z.array(z.number()).min(1).max(2),
})

const threshold = z.strictObject({
  refId: z.string(),
  type: z.literal('threshold'),
  expression: z.string(),
  conditions: z.tuple([z.strictObject({ evaluator })]),
})

const math = z.strictObject({ refId: z.string(), type: z.literal('math'), expression: z.string() })

const expression = z.strictObject({
  refId: z.string(),
  datasourceUid: z.literal('__expr__'),
  model: z.discriminatedUnion('type', [threshold, math]),
})

/** Strict, because Grafana ignores misspelt keys. */
const rule = z.strictObject({
  uid: z.string(),
  title: z.string(),
  condition: z.string(),
  for: duration,
  keepFiringFor: duration.optional(),
  // Values that Grafana supports since version 9.
  noDataState: z.enum(['OK', 'NoData', 'Alerting']),
  execErrState: z.enum(['OK', 'Error', 'Alerting']),
  dashboardUid: z.string(),
  panelId: z.number(),
  labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
  annotations: z.strictObject({ summary: z.string(), dashboard: z.string() }),
  data: z.array(z.discriminatedUnion('datasourceUid', [prometheus, postgres, expression])),
})

const rulesFile = z.strictObject({
  apiVersion: z.literal(1),
  thresholds: z.array(z.unknown()),
  common: z.array(z.unknown()),
  groups: z.array(
    z.strictObject({
      name: z.string(),
      folder: z.string(),
      interval: duration,
      rules: z.array(rule),
    }),
  ),
})

export type AlertRule = z.infer<typeof rule>
export type AlertQuery = AlertRule['data'][number]
export type Evaluator = z.infer<typeof evaluator>

/** The text of a file in grafana/provisioning/alerting. */
export function alertingText(name: 'rules.yaml' | 'notifications.yaml'): string {
  return readFileSync(join(directory, name), 'utf8')
}

/**
 * The rule groups as Grafana reads them, with YAML anchors and merges resolved.
 * @throws {z.ZodError} when a rule does not match the schema
 */
export function readRuleGroups() {
  return rulesFile.parse(parse(alertingText('rules.yaml'), { merge: true })).groups
}

export function readRules(): AlertRule[] {
  return readRuleGroups().flatMap(({ rules }) => rules)
}
