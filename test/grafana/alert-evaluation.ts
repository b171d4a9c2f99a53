import type { Queryable } from '../../sql/database.ts'
import type { AlertQuery, AlertRule, Evaluator } from './alert-rules.ts'
import { queryPrometheus } from '../support/telemetry/prometheus.ts'

/** Results of a rule's queries by their refId. */
type Values = Readonly<Record<string, number>>

/** Whether a rule's condition is met, evaluated as Grafana's expressions are. */
export function isMet({ uid, data, condition }: AlertRule, values: Values): boolean {
  const models = data.flatMap((query) => (query.datasourceUid === '__expr__' ? [query.model] : []))
  const model = models.find(({ refId }) => refId === condition)
  if (model === undefined) throw new TypeError(`${uid} has no condition`)
  if (model.type === 'math') return isTrue(model.expression, values)
  return isWithin(model.conditions[0].evaluator, valueOf(model.expression, values))
}

function isWithin({ type, params: [first = Number.NaN, second = Number.NaN] }: Evaluator, value: number) {
  // Grafana treats NaN as true.
  if (Number.isNaN(value)) return true
  if (type === 'gt') return value > first
  if (type === 'lt') return value < first
  return value > first && value < second
}

/** "$a > 1 || $b > 2" */
function isTrue(expression: string, values: Values): boolean {
  return expression.split('||').some((comparison) => {
    const [, name = '', limit] = /^\s*\$(\w+) > (\d+)\s*$/.exec(comparison) ?? []
    if (limit === undefined) throw new SyntaxError(`Unknown expression: ${comparison}`)
    return isWithin({ type: 'gt', params: [Number(limit)] }, valueOf(name, values))
  })
}

function valueOf(name: string, values: Values): number {
  const value = values[name]
  if (value === undefined) throw new TypeError(`No query ${name}`)
  return value
}

interface Range {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly values: readonly (readonly [second: number, value: string])[]
  }[]
}

/** Seconds between two evaluations. */
const INTERVAL_SECONDS = 10

/**
 * The alerts of a rule that fire at a time, because the condition was met at each evaluation for the rule's duration.
 * @param port of Prometheus; queries to Postgres count as 0
 * @returns the alerts' stages, sorted; '' for an alert without a stage
 */
export async function firingByPrometheus(rule: AlertRule, second: number, port: number): Promise<string[]> {
  const evaluations = rule.for / INTERVAL_SECONDS + 1
  const other = Object.fromEntries(rule.data.filter(isPostgres).map(({ refId }) => [refId, 0]))
  const query = rule.data.find((each) => each.datasourceUid === 'prometheus')
  if (query === undefined) throw new TypeError(`${rule.uid} has no query to Prometheus`)
  const { result } = (await queryPrometheus(port, 'query_range', {
    query: query.model.expr,
    start: String(second - rule.for),
    end: String(second),
    step: String(INTERVAL_SECONDS),
  })) as Range
  return result
    .filter(({ values }) => {
      const met = values.filter(([, value]) => isMet(rule, { ...other, [query.refId]: Number(value) }))
      return met.length === evaluations
    })
    .map(({ metric }) => metric['stage'] ?? '')
    .toSorted()
}

function isPostgres(query: AlertQuery): boolean {
  return query.datasourceUid === 'postgres'
}

/**
 * The alerts of a rule by the rows that Postgres returns now. As in Grafana, strings of a row are labels and its only
 * number is the value. Queries to Prometheus count as 0.
 * @returns for the stage of each row, '' without one, whether the alert fires
 */
export async function firingByRows(rule: AlertRule, database: Queryable): Promise<Record<string, boolean>> {
  const query = rule.data.find((each) => each.datasourceUid === 'postgres')
  if (query === undefined) throw new TypeError(`${rule.uid} has no query to Postgres`)
  const other = Object.fromEntries(rule.data.filter(isPrometheus).map(({ refId }) => [refId, 0]))
  const { rows } = await database.query<Record<string, unknown>>(query.model.rawSql)
  return Object.fromEntries(
    rows.map((row) => {
      const numbers = Object.values(row).filter((value) => typeof value === 'number')
      const labels = Object.values(row).filter((value) => typeof value === 'string')
      const [value] = numbers
      if (value === undefined || numbers.length + labels.length !== Object.keys(row).length) {
        throw new TypeError(`${rule.uid} needs one number and strings: ${JSON.stringify(row)}`)
      }
      return [labels.join(' '), isMet(rule, { ...other, [query.refId]: value })]
    }),
  )
}

function isPrometheus(query: AlertQuery): boolean {
  return query.datasourceUid === 'prometheus'
}
