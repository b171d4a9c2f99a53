import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../local/host-resources.ts'
import { childEnvironment } from '../../pipeline/config.ts'

const root = join(import.meta.dirname, '..', '..')
const directory = join(root, '.data', 'stack')
const project = 'throughline-test'

export interface Container {
  readonly Name: string
  readonly RestartCount: number
  readonly State: {
    readonly Status: string
    readonly ExitCode: number
    readonly OOMKilled: boolean
    readonly Health?: { readonly Status: string }
  }
  readonly Config: { readonly Image: string; readonly Labels: Readonly<Record<string, string>> }
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>>
  }
}

const names = ['GRAFANA', 'KAFKA_UI', 'PGWEB', 'PROMETHEUS', 'TEMPO', 'KAFKA', 'POSTGRES'] as const
export type PortName = (typeof names)[number]

/** Services that are not started, from STACK_WITHOUT, such as "grafana,kafka-ui,pgweb". */
export const excludedServices = (childEnvironment({})['STACK_WITHOUT'] ?? '').split(',').filter((name) => name !== '')

/** A free port for each published port. */
export async function freePorts(): Promise<Record<PortName, number>> {
  const ports = new Set<number>()
  while (ports.size < names.length) ports.add(await freePort())
  return Object.fromEntries(names.map((name, index) => [name, [...ports][index]])) as Record<PortName, number>
}

/**
 * Prepares `docker compose` on docker-compose.yml under another project name, with its own containers and volumes.
 * @param more variables of its environment
 */
export async function createCompose(
  ports: Readonly<Record<PortName, number>>,
  more: Readonly<Record<string, string>> = {},
) {
  await mkdir(directory, { recursive: true })
  const left = join(directory, 'without.yml')
  const services = excludedServices.map((name) => `  ${name}: !reset null\n`).join('')
  await writeFile(left, `services:${services === '' ? ' {}' : `\n${services}`}`)
  const files = ['-p', project, '-f', join(root, 'docker-compose.yml'), '-f', left, '--env-file', '/dev/null']
  const env = childEnvironment({
    ...Object.fromEntries(names.map((name) => [`${name}_PORT`, String(ports[name])])),
    // Two messages a second, few beside those of the tests.
    RATE: '2',
    ...more,
  })
  /** Runs a command and returns its output. @throws {Error} with its error output */
  return (...args: readonly string[]) => docker(['compose', ...files, ...args], env)
}

export type Compose = Awaited<ReturnType<typeof createCompose>>

/** `docker inspect` of all containers of the project, running or not. */
export async function inspect(): Promise<Container[]> {
  const ids = await docker(['ps', '-aq', '--filter', `label=com.docker.compose.project=${project}`])
  return JSON.parse(await docker(['inspect', ...ids.split('\n').filter((id) => id !== '')])) as Container[]
}

export const serviceOf = ({ Config }: Container): string => Config.Labels['com.docker.compose.service'] ?? ''

/** Saves the containers' logs in .data/stack. */
export async function saveLogs(compose: Compose): Promise<void> {
  await writeFile(join(directory, 'logs.txt'), await compose('logs', '--no-color', '--timestamps'))
}

/** The number of lines with a text in all layers and the history of an image. */
export async function countInImage(image: string, text: string): Promise<number> {
  // Layers may be compressed.
  const script = `set -o pipefail; dir=$(mktemp -d) && docker save "$1" | tar -x -C "$dir" &&
    { find "$dir" -type f -exec zcat -f {} +; docker history --no-trunc "$1"; } | { grep -ac "$2" || true; }; rm -rf "$dir"`
  const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', image, text])
  return Number(stdout)
}

async function docker(args: readonly string[], env = childEnvironment({})): Promise<string> {
  const options = { cwd: root, env, maxBuffer: 256 * 1024 ** 2 }
  const { stdout } = await promisify(execFile)('docker', [...args], options)
  return stdout
}
