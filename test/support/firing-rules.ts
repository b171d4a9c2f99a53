import type { AlertQuery, AlertRule, Evaluator } from '../grafana/alert-rules.ts'
import { askPrometheus } from './ask-prometheus.ts'

/** Numbers by the name of the query that gave them. */
type Values = Readonly<Record<string, number>>

/** Whether the condition of a rule is met, as Grafana's expressions have it. */
export function isMet({ uid, data, condition }: AlertRule, values: Values): boolean {
  const models = data.flatMap((query) => (query.datasourceUid === '__expr__' ? [query.model] : []))
  const model = models.find(({ refId }) => refId === condition)
  if (model === undefined) throw new TypeError(`${uid} has no condition`)
  if (model.type === 'math') return isTrue(model.expression, values)
  return holds(model.conditions[0].evaluator, valueOf(model.expression, values))
}

function holds({ type, params: [first = Number.NaN, second = Number.NaN] }: Evaluator, value: number) {
  // What is no number is true for Grafana: a rule must not come to that.
  if (Number.isNaN(value)) return true
  if (type === 'gt') return value > first
  if (type === 'lt') return value < first
  return value > first && value < second
}

/** "$a > 1 || $b > 2" */
function isTrue(expression: string, values: Values): boolean {
  return expression.split('||').some((comparison) => {
    const [, name = '', limit] = /^\s*\$(\w+) > (\d+)\s*$/.exec(comparison) ?? []
    if (limit === undefined) throw new SyntaxError(`Not understood: ${comparison}`)
    return holds({ type: 'gt', params: [Number(limit)] }, valueOf(name, values))
  })
}

function valueOf(name: string, values: Values): number {
  const value = values[name]
  if (value === undefined) throw new TypeError(`There is no query ${name}`)
  return value
}

interface Range {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly values: readonly (readonly [second: number, value: string])[]
  }[]
}

/** Seconds between two evaluations. */
const INTERVAL = 10

/**
 * Which alerts of a rule fire at a moment: its condition was met at each evaluation for as long as it says.
 * @param port of Prometheus; what Postgres is asked beside it is 0
 * @returns the stages that they are about, sorted; '' for an alert about no stage
 */
export async function firingAt(rule: AlertRule, second: number, port: number): Promise<string[]> {
  const evaluations = rule.for / INTERVAL + 1
  const other = Object.fromEntries(rule.data.filter(isPostgres).map(({ refId }) => [refId, 0]))
  const query = rule.data.find((each) => each.datasourceUid === 'prometheus')
  if (query === undefined) throw new TypeError(`${rule.uid} does not ask Prometheus`)
  const { result } = (await askPrometheus(port, 'query_range', {
    query: query.model.expr,
    start: String(second - rule.for),
    end: String(second),
    step: String(INTERVAL),
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
