import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface Service {
  readonly image: string
  readonly build?: string
  readonly command?: string | readonly string[]
  readonly pull_policy?: string
  readonly container_name?: string
  readonly restart: string
  readonly init?: boolean
  readonly mem_limit: string
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number | null>>
  readonly healthcheck: Readonly<Record<string, unknown>>
  readonly networks?: unknown
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}

const root = new URL('../../', import.meta.url)

/** The text of a file of the repository. */
export function readProjectFile(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

/** A compose file with anchors and merges resolved, but not its variables. */
export function readCompose(path = 'docker-compose.yml'): ComposeFile {
  return parse(readProjectFile(path), { merge: true, logLevel: 'error' }) as ComposeFile
}

/** The variables that compose.azure.yml requires. */
export function requiredAzureVariables(): string[] {
  return [...readProjectFile('compose.azure.yml').matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name = '']) => name)
}
