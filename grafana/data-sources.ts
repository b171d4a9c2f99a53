import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const directory = join(import.meta.dirname, 'provisioning')

export interface DataSource {
  readonly uid: string
  readonly type: string
  readonly jsonData: Readonly<Record<string, unknown>>
  readonly correlations?: readonly { readonly targetUID: string; readonly description: string }[]
}

/** A file of grafana/provisioning as it is written, by its path in there. */
export function provisioningText(path: string): string {
  return readFileSync(join(directory, path), 'utf8')
}

export const dataSources = (
  parse(provisioningText('datasources/datasources.yaml')) as { datasources: readonly DataSource[] }
).datasources
