import { dashboards, type Target } from '../../grafana/dashboards.ts'
import { interpolatePromql } from '../../grafana/interpolate.ts'
import type { GrafanaClient } from './running-grafana.ts'

interface QueryResponse {
  readonly results: Readonly<
    Record<string, { error?: string; frames?: readonly { data: { values: readonly unknown[][] } }[] }>
  >
}

/** Runs a panel's query in Grafana for the last ten minutes. Returns the number of values. @throws {Error} Grafana's error */
export async function countValues(
  grafana: GrafanaClient,
  target: Target,
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  const query = { ...replaceVariables(target, variables), intervalMs: 5000, maxDataPoints: 500 }
  const { results } = (await grafana.request('/api/ds/query', {
    queries: [query],
    from: String(Date.now() - 600_000),
    to: String(Date.now()),
  })) as QueryResponse
  const { error, frames = [] } = results[target.refId] ?? { error: 'no answer' }
  if (error !== undefined) throw new Error(error)
  return frames.reduce((sum, { data }) => sum + (data.values[0]?.length ?? 0), 0)
}

/** Replaces the variables, as the browser does; Grafana's backend replaces the macros. */
function replaceVariables(target: Target, variables: Readonly<Record<string, string>>): Target {
  const { expr, rawSql } = target
  if (expr !== undefined) return { ...target, expr: interpolatePromql(expr, variables) }
  const filled = (rawSql ?? '').replaceAll(/\$\{(\w+):sqlstring\}/g, (_, name) => `'${variables[String(name)]}'`)
  return { ...target, rawSql: filled }
}

/**
 * The queries of panels that fail or return nothing, as "dashboard/panel/query: result". Queries to Tempo, which the browser
 * sends in another way, are left out.
 * @param message the id of a dead letter, so that no panel is empty
 */
export async function panelsWithoutData(grafana: GrafanaClient, message: string): Promise<string[]> {
  const variables = { stage: 'square-root', message, id: message }
  const withoutData: string[] = []
  for (const { uid, panels } of dashboards) {
    for (const { title, targets } of panels) {
      for (const target of targets.filter(({ datasource }) => datasource.uid !== 'tempo')) {
        const found = await countValues(grafana, target, variables).catch(String)
        if (typeof found === 'string' || found === 0) {
          withoutData.push(`${uid}/${title}/${target.refId}: ${found}`)
        }
      }
    }
  }
  return withoutData
}
