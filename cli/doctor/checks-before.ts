import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '../../pipeline/config.ts'
import { checkPorts } from './checks-ports.ts'
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
  return failure(
    'node',
    `Node ${version} is too old`,
    `run \`npm ci\`, which brings Node ${needs.node}, and then npx throughline`,
  )
}

/** @param missing those of Kafka and Postgres that do not answer and would have to be started here */
export async function checkBefore(config: Config, missing: readonly ('Kafka' | 'Postgres')[]): Promise<Finding[]> {
  const [docker, java, ports, disk] = await Promise.all([
    readDocker(),
    readJava(config),
    checkPorts(config, missing),
    statfs(tmpdir()),
  ])
  const ways = judgeWays(docker, java)
  const hasDocker = ways.some(({ check, status }) => check === 'compose' && status === 'pass')
  return [
    ...ways,
    ...ports,
    judgeMemory({ total: totalmem(), available: process.availableMemory() }, hasDocker),
    judgeDisk(disk.bavail * disk.bsize),
  ]
}

/** The output of a program; undefined when it is not installed, empty when it fails. */
async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 10_000 })
    return stdout + stderr
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}

const titles = { docker: 'Docker', compose: 'Docker Compose', buildx: 'Docker buildx' } as const
const dockerParts = ['docker', 'compose', 'buildx'] as const

/** Versions such as "28.2.2"; empty where a program is missing or does not work. Undefined without a `docker`. */
export type Docker = Readonly<Record<keyof typeof titles, string>> | undefined

async function readDocker(): Promise<Docker> {
  const docker = await outputOf('docker', ['version', '--format', '{{.Server.Version}}'])
  if (docker === undefined) return undefined
  const compose = await outputOf('docker', ['compose', 'version', '--short'])
  const buildx = await outputOf('docker', ['buildx', 'version'])
  return { docker: versionIn(docker), compose: versionIn(compose), buildx: versionIn(buildx) }
}

export interface Java {
  /** Such as "17.0.15"; empty without one. */
  readonly version: string
  /** Where Kafka comes from; undefined where it comes from nowhere. */
  readonly kafka: string | undefined
}

async function readJava({ KAFKA_HOME }: Config): Promise<Java> {
  const home = process.env['JAVA_HOME'] ?? ''
  const version = versionIn(await outputOf(home === '' ? 'java' : join(home, 'bin', 'java'), ['-version']))
  const cache = join(import.meta.dirname, '..', '..', '.cache')
  const isFetched = existsSync(cache) && readdirSync(cache).some((name) => /^kafka-[\d.]+$/.test(name))
  if (KAFKA_HOME !== undefined || isFetched) return { version, kafka: KAFKA_HOME ?? 'what Maven has fetched' }
  return { version, kafka: (await outputOf('mvn', ['--version'])) ? 'Maven' : undefined }
}

function versionIn(text = ''): string {
  return /\d+(\.\d+)+|\d+/.exec(text)?.[0] ?? ''
}

function isAtLeast(version: string, oldest: string): boolean {
  return version !== '' && version.localeCompare(oldest, 'en', { numeric: true }) >= 0
}

/** There are two ways to start the pipeline. What one of them lacks is a failure only where the other lacks something, too. */
export function judgeWays(docker: Docker, { version, kafka }: Java): Finding[] {
  const dockerWay = (docker === undefined ? [] : dockerParts).map((name): Finding => {
    const [found, oldest] = [docker?.[name] ?? '', needs[name]]
    if (isAtLeast(found, oldest)) return pass(name, `${titles[name]} ${found} is there, for \`docker compose up\``)
    const newer = `${oldest} or newer for \`docker compose up\``
    if (found !== '') return failure(name, `${titles[name]} ${found} is too old`, `install ${newer}`)
    if (name === 'docker') return failure(name, 'The server of Docker does not answer', `start Docker, ${newer}`)
    return failure(name, `${titles[name]} is not installed`, `install ${newer}`)
  })
  const javaWay = [
    isAtLeast(version, needs.java)
      ? pass('java', `Java ${version} is there, for \`npm run demo\``)
      : failure(
          'java',
          version === '' ? 'Java is not installed' : `Java ${version} is too old`,
          `install Java ${needs.java} or newer, or set JAVA_HOME, for \`npm run demo\`${docker === undefined ? '; or install Docker' : ''}`,
        ),
    kafka === undefined
      ? failure(
          'kafka-program',
          'Neither Maven nor KAFKA_HOME is there to get Kafka from',
          'install Maven for `npm run demo`',
        )
      : pass('kafka-program', `Kafka comes from ${kafka}, for \`npm run demo\``),
  ]
  const isComplete = (way: readonly Finding[]) => way.length > 0 && way.every(({ status }) => status === 'pass')
  const all = [...dockerWay, ...javaWay]
  if (!isComplete(dockerWay) && !isComplete(javaWay)) return all
  return all.map(({ check, status, message, remedy }) =>
    status === 'failure' ? warning(check, message, remedy ?? '') : pass(check, message),
  )
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`

/** @param memory bytes @param hasDocker whether `docker compose up` could start */
export function judgeMemory(memory: { readonly total: number; readonly available: number }, hasDocker: boolean): Finding {
  const { total, available } = memory
  const text = `${gigabytes(available)} of ${gigabytes(total)} of memory are available`
  const needed = `\`npm run demo\` needs ${gigabytes(needs.memory)}, \`docker compose up\` ${gigabytes(needs.dockerMemory)}`
  if (total < needs.memory) return failure('memory', text, `use a larger machine: ${needed}`)
  if (available < (hasDocker ? needs.dockerMemory : needs.memory))
    return warning('memory', text, `end other programs: ${needed}`)
  return pass('memory', text)
}

/** @param free bytes where temporary files are */
export function judgeDisk(free: number): Finding {
  if (free >= needs.disk) return pass('disk', `${gigabytes(free)} are free for temporary files`)
  const remedy = `free some space there: the demo needs ${gigabytes(needs.disk)}`
  return failure('disk', `Only ${gigabytes(free)} are free for temporary files in ${tmpdir()}`, remedy)
}
