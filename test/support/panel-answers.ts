import { dashboards, type Target } from '../grafana/dashboards.ts'
import { fillInPromql } from '../grafana/fill-in.ts'
import type { AskedGrafana } from './running-grafana.ts'

interface Answer {
  readonly results: Readonly<
    Record<string, { error?: string; frames?: readonly { data: { values: readonly unknown[][] } }[] }>
  >
}

/** How many values a question is answered with by Grafana, over the last minutes. @throws with what Grafana complains of */
export async function valuesOf(
  grafana: AskedGrafana,
  target: Target,
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  const query = { ...filledIn(target, variables), intervalMs: 5000, maxDataPoints: 500 }
  const { results } = (await grafana.ask('/api/ds/query', {
    queries: [query],
    from: String(Date.now() - 600_000),
    to: String(Date.now()),
  })) as Answer
  const { error, frames = [] } = results[target.refId] ?? { error: 'no answer' }
  if (error !== undefined) throw new Error(error)
  return frames.reduce((sum, { data }) => sum + (data.values[0]?.length ?? 0), 0)
}

/** What the browser does before it asks; macros are left to Grafana. */
function filledIn(target: Target, variables: Readonly<Record<string, string>>): Target {
  const { expr, rawSql } = target
  if (expr !== undefined) return { ...target, expr: fillInPromql(expr, variables) }
  const filled = (rawSql ?? '').replaceAll(
    /\$\{(\w+):sqlstring\}/g,
    (_, name) => `'${variables[String(name)]}'`,
  )
  return { ...target, rawSql: filled }
}

/**
 * The panels of which a question is answered with an error or with nothing, and how. Traces are asked for by the browser
 * in another way.
 * @param message the id of a dead letter, so that nothing is empty
 */
export async function unansweredPanels(grafana: AskedGrafana, message: string): Promise<string[]> {
  const variables = { stage: 'square-root', message, id: message }
  const unanswered: string[] = []
  for (const { uid, panels } of dashboards) {
    for (const { title, targets } of panels) {
      for (const target of targets.filter(({ datasource }) => datasource.uid !== 'tempo')) {
        const found = await valuesOf(grafana, target, variables).catch(String)
        if (typeof found === 'string' || found === 0) unanswered.push(`${uid}/${title}: ${found}`)
      }
    }
  }
  return unanswered
}
