import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../../pipeline/config.ts'

export interface ConfiguredService {
  readonly image: string
  readonly environment?: Readonly<Record<string, string | null>>
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly mem_limit?: string
  readonly pull_policy?: string
  readonly ports?: readonly { readonly host_ip: string; readonly published: string }[]
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>
}

export interface ConfigOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Replaces .env; none by default. */
  readonly envFile?: string
  readonly files?: readonly string[]
}

const cwd = fileURLToPath(new URL('../..', import.meta.url))
const { PATH, HOME } = childEnvironment({})

/** Docker Compose 2 or later is installed. It needs no running engine for `config`. */
export const hasCompose = run({}, ['version']).status === 0

/**
 * The services that `docker compose config` prints.
 * @throws {Error} with its error message
 */
export function composeConfig(parsing: ConfigOptions = {}): Record<string, ConfiguredService> {
  const { envFile = '/dev/null', files = ['docker-compose.yml'] } = parsing
  const chosen = ['--env-file', envFile, ...files.flatMap((file) => ['--file', file])]
  const { status, stdout, stderr } = run(parsing.env ?? {}, [...chosen, 'config', '--format', 'json'])
  if (status !== 0) throw new Error(stderr)
  return (JSON.parse(stdout) as { services: Record<string, ConfiguredService> }).services
}

function run(env: Readonly<Record<string, string>>, args: readonly string[]) {
  // The environment of this machine must not change the result.
  return spawnSync('docker', ['compose', ...args], { cwd, env: { PATH, HOME, ...env }, encoding: 'utf8' })
}
