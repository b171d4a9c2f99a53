import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../../pipeline/config.ts'

export interface ParsedService {
  readonly image: string
  readonly environment?: Readonly<Record<string, string | null>>
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly mem_limit?: string
  readonly pull_policy?: string
  readonly ports?: readonly { readonly host_ip: string; readonly published: string }[]
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>
}

export interface Parsing {
  readonly env?: Readonly<Record<string, string>>
  /** What stands in for .env; nothing when left out. */
  readonly envFile?: string
  readonly files?: readonly string[]
}

const cwd = fileURLToPath(new URL('../../', import.meta.url))
const { PATH, HOME } = childEnvironment({})

/** Docker Compose 2 or later is installed; it reads files without an engine. */
export const hasCompose = run({}, ['version']).status === 0

/**
 * The services as Docker Compose itself reads them.
 * @throws {Error} with its complaint
 */
export function parsedServices(parsing: Parsing = {}): Record<string, ParsedService> {
  const { envFile = '/dev/null', files = ['docker-compose.yml'] } = parsing
  const chosen = ['--env-file', envFile, ...files.flatMap((file) => ['--file', file])]
  const { status, stdout, stderr } = run(parsing.env ?? {}, [...chosen, 'config', '--format', 'json'])
  if (status !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as { services: Record<string, ParsedService> }).services
}

function run(env: Readonly<Record<string, string>>, args: readonly string[]) {
  // What is set on this machine must not decide what is found here.
  return spawnSync('docker', ['compose', ...args], { cwd, env: { PATH, HOME, ...env }, encoding: 'utf8' })
}
