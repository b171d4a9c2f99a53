import type { AlertQuery, AlertRule } from '../grafana/alert-rules.ts'
import type { Queryable } from '../../sql/database.ts'
import { isMet } from './firing-rules.ts'

/**
 * Which alerts of a rule fire by what Postgres says now, as Grafana reads a table: its texts are labels, its one number is
 * the value. What Prometheus is asked beside it is 0.
 * @returns of every row the stage that it is about, '' for none, and whether it fires
 */
export async function firingByRows(rule: AlertRule, database: Queryable): Promise<Record<string, boolean>> {
  const query = rule.data.find((each) => each.datasourceUid === 'postgres')
  if (query === undefined) throw new TypeError(`${rule.uid} does not ask Postgres`)
  const other = Object.fromEntries(rule.data.filter(isPrometheus).map(({ refId }) => [refId, 0]))
  const { rows } = await database.query<Record<string, unknown>>(query.model.rawSql)
  return Object.fromEntries(
    rows.map((row) => {
      const numbers = Object.values(row).filter((value) => typeof value === 'number')
      const texts = Object.values(row).filter((value) => typeof value === 'string')
      const [value] = numbers
      if (value === undefined || numbers.length + texts.length !== Object.keys(row).length) {
        throw new TypeError(`${rule.uid} needs a number and texts: ${JSON.stringify(row)}`)
      }
      return [texts.join(' '), isMet(rule, { ...other, [query.refId]: value })]
    }),
  )
}

function isPrometheus(query: AlertQuery): boolean {
  return query.datasourceUid === 'prometheus'
}
