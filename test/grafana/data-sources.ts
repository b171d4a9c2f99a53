import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Query } from './dashboards.ts'

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

/** The text of a file in grafana/provisioning. @param path below that directory */
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

/** The queries to a data source in links from the other data sources. */
export function queriesFromDataSources(datasource: string): Query[] {
  const queries: Query[] = []
  for (const { uid, correlations = [], jsonData } of dataSources) {
    const metrics = jsonData['tracesToMetrics'] as ToMetrics | undefined
    for (const { name, query } of metrics?.queries ?? [])
      queries.push({ of: `${uid}/${name}`, datasource: metrics?.datasourceUid ?? '', text: plain(query) })
    for (const { targetUID, label, config } of correlations)
      queries.push({
        of: `${uid}/${label}`,
        datasource: targetUID,
        text: plain(config.target.rawSql ?? ''),
      })
  }
  return queries.filter((query) => query.datasource === datasource)
}

/** Grafana expands environment variables in this file, so `$` of its own variables is doubled there. */
function plain(text: string): string {
  return text.replaceAll('$$', () => '$')
}
