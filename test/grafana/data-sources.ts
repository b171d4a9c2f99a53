import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Question } from './dashboards.ts'

const directory = join(import.meta.dirname, '..', '..', 'grafana', 'provisioning')

export interface DataSource {
  readonly uid: string
  readonly type: string
  readonly jsonData: Readonly<Record<string, unknown>>
  readonly correlations?: readonly {
    readonly targetUID: string
    readonly description: string
    readonly label: string
    readonly config: { readonly target: { readonly rawSql?: string } }
  }[]
}

/** A file of grafana/provisioning as it is written, by its path in there. */
export function provisioningText(path: string): string {
  return readFileSync(join(directory, path), 'utf8')
}

export const dataSources = (
  parse(provisioningText('datasources/datasources.yaml')) as { datasources: readonly DataSource[] }
).datasources

interface ToMetrics {
  readonly datasourceUid: string
  readonly queries: readonly { readonly name: string; readonly query: string }[]
}

/** What is asked of one data source when somebody goes to it from another. */
export function questionsFromOthers(datasource: string): Question[] {
  const questions: Question[] = []
  for (const { uid, correlations = [], jsonData } of dataSources) {
    const metrics = jsonData['tracesToMetrics'] as ToMetrics | undefined
    for (const { name, query } of metrics?.queries ?? [])
      questions.push({ of: `${uid}/${name}`, datasource: metrics?.datasourceUid ?? '', text: plain(query) })
    for (const { targetUID, label, config } of correlations)
      questions.push({
        of: `${uid}/${label}`,
        datasource: targetUID,
        text: plain(config.target.rawSql ?? ''),
      })
  }
  return questions.filter((question) => question.datasource === datasource)
}

/** In its file Grafana expands variables of its environment, so its own are written with two dollars. */
function plain(text: string): string {
  return text.replaceAll('$$', () => '$')
}
