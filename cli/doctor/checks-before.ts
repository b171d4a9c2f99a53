import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '../../pipeline/config.ts'
import { failure, pass, warning, type Finding } from './finding.ts'

/** What the README says is needed: the oldest versions, and bytes of memory and disk. */
export const needs = {
  node: '24',
  docker: '28',
  compose: '2.24.4',
  buildx: '0.17',
  java: '17',
  dockerMemory: 3e9,
  memory: 1e9,
  disk: 1e9,
} as const

/** The version of the Node that runs this. */
export function judgeNode(version: string): Finding {
  if (isAtLeast(version, needs.node)) return pass('node', `Node ${version} runs this`)
  const remedy = `run \`npm ci\`, which brings Node ${needs.node}, and then npx throughline`
  return failure('node', `Node ${version} is too old`, remedy)
}

function isAtLeast(version: string, oldest: string): boolean {
  return version !== '' && version.localeCompare(oldest, 'en', { numeric: true }) >= 0
}

/** @param missing those of Kafka and Postgres that do not answer and would have to be started here */
export async function checkBefore(config: Config, missing: readonly string[]): Promise<Finding[]> {
  const ports = portsOf(config, missing)
  const areFree = await Promise.all(ports.map(({ port }) => isFree(port)))
  const disk = await statfs(tmpdir())
  const ways = judgeWays(await readVersions())
  const hasDocker = ways.some(({ check, status }) => check === 'compose' && status === 'pass')
  const taken = ports.filter((_, index) => !areFree[index])
  return [
    ...ways,
    ...judgePorts(ports, taken),
    judgeMemory({ total: totalmem(), available: process.availableMemory() }, hasDocker),
    judgeDisk(disk.bavail * disk.bsize),
  ]
}

/** There are two ways to start the pipeline: `docker compose up` needs the first three of these, `npm run demo` the last. */
const titles = { docker: 'Docker', compose: 'Docker Compose', buildx: 'Docker buildx', java: 'Java' } as const
type Part = keyof typeof titles

/** Such as "28.2.2"; empty where a program does not work, undefined where it is not on the PATH. */
export type Versions = Readonly<Record<Part, string | undefined>>

async function readVersions(): Promise<Versions> {
  const home = process.env['JAVA_HOME'] ?? ''
  return {
    docker: await versionOf('docker', ['version', '--format', '{{.Server.Version}}']),
    compose: await versionOf('docker', ['compose', 'version', '--short']),
    buildx: await versionOf('docker', ['buildx', 'version']),
    java: await versionOf(home === '' ? 'java' : join(home, 'bin', 'java'), ['-version']),
  }
}

async function versionOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 10_000 })
    return /\d+(\.\d+)+|\d+/.exec(stdout + stderr)?.[0] ?? ''
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}

/** What one way lacks is a failure only where the other lacks something, too. Without `docker` only Java is judged. */
export function judgeWays(versions: Versions): Finding[] {
  const parts = (Object.keys(titles) as Part[]).filter((part) => part === 'java' || versions.docker !== undefined)
  const all = parts.map((part) => judgeVersion(part, versions[part] ?? ''))
  const isComplete = (way: readonly Finding[]) => way.length > 0 && way.every(({ status }) => status === 'pass')
  const canStart = isComplete(all.slice(0, -1)) || isComplete(all.slice(-1))
  const status = canStart ? 'warning' : 'failure'
  return all.map((finding) => (finding.status === 'failure' ? Object.assign(finding, { status }) : finding))
}

function judgeVersion(check: Part, version: string): Finding {
  const title = titles[check]
  const use = check === 'java' ? 'for `npm run demo`' : 'for `docker compose up`'
  if (isAtLeast(version, needs[check])) return pass(check, `${title} ${version} is there, ${use}`)
  const newer = `${title} ${needs[check]} or newer ${use}`
  if (version !== '') return failure(check, `${title} ${version} is too old`, `install ${newer}`)
  if (check === 'docker') return failure(check, 'The server of Docker does not answer', `start ${newer}`)
  return failure(check, `${title} is not installed`, `install ${newer}`)
}

/** A port of the pipeline's servers. */
export interface Port {
  readonly server: string
  readonly port: number
  /** How to use another one. */
  readonly change: string
}

function portsOf({ BOOTSTRAP_SERVERS, DB_PORT, ...urls }: Config, missing: readonly string[]): Port[] {
  const kafka = Number(BOOTSTRAP_SERVERS[0]?.split(':').at(-1))
  const ports = [
    { server: 'Kafka', port: kafka, change: '`npm run demo -- --kafka-port 29092` or KAFKA_PORT' },
    { server: 'Postgres', port: DB_PORT, change: 'DB_PORT for `npm run demo` or POSTGRES_PORT' },
    { server: 'Grafana', port: Number(new URL(urls.GRAFANA_URL).port), change: 'GRAFANA_PORT' },
    { server: 'Prometheus', port: Number(new URL(urls.PROMETHEUS_URL).port), change: 'PROMETHEUS_PORT' },
    { server: 'Tempo', port: Number(new URL(urls.TEMPO_URL).port), change: 'TEMPO_PORT' },
    { server: 'Kafka UI', port: 18_080, change: 'KAFKA_UI_PORT' },
    { server: 'pgweb', port: 18_081, change: 'PGWEB_PORT' },
  ]
  // While one of Kafka and Postgres runs, the others may be ours. A URL without a port is not that of this machine's server.
  return ports.filter(({ server, port }) => port > 0 && (missing.length === 2 || missing.includes(server)))
}

/** @param taken those of the ports on which another program listens */
export function judgePorts(ports: readonly Port[], taken: readonly Port[]): Finding[] {
  if (taken.length === 0) return [pass('ports', `The ports are free: ${ports.map(({ port }) => port).join(', ')}`)]
  return taken.map(({ server, port, change }) => {
    const message = `Port ${port}, meant for ${server}, is taken by another program`
    const remedy = `stop that, or choose another port with ${change} for \`docker compose up\``
    if (server === 'Kafka' || server === 'Postgres') return failure('ports', message, remedy)
    return warning('ports', `${message}; \`npm run demo\` does without ${server}`, remedy)
  })
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`

/** @param memory bytes @param hasDocker whether `docker compose up` could start */
export function judgeMemory(memory: { readonly total: number; readonly available: number }, hasDocker: boolean): Finding {
  const { total, available } = memory
  const text = `${gigabytes(available)} of ${gigabytes(total)} of memory are available`
  const needed = `\`npm run demo\` needs ${gigabytes(needs.memory)}, \`docker compose up\` ${gigabytes(needs.dockerMemory)}`
  if (total < needs.memory) return failure('memory', text, `use a larger machine: ${needed}`)
  if (available >= (hasDocker ? needs.dockerMemory : needs.memory)) return pass('memory', text)
  return warning('memory', text, `end other programs: ${needed}`)
}

/** @param free bytes where temporary files are */
export function judgeDisk(free: number): Finding {
  if (free >= needs.disk) return pass('disk', `${gigabytes(free)} are free for temporary files`)
  const remedy = `free some space there: the demo needs ${gigabytes(needs.disk)}`
  return failure('disk', `Only ${gigabytes(free)} are free for temporary files in ${tmpdir()}`, remedy)
}

/** Whether a server can listen on `port` of 127.0.0.1, and "localhost" will mean that server. */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'))
}

async function canListen(port: number, host: string): Promise<boolean> {
  await using server = createServer()
  try {
    await once(server.listen(port, host), 'listening')
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE') return false
    // A machine without IPv6 has no ::1.
    if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return true
    throw error
  }
}
