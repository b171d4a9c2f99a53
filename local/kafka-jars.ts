import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UserError } from '../telemetry/user-error.ts'
import { requireDiskSpace } from './disk-space.ts'
import { runToEnd } from './run-to-end.ts'

export interface JarsOptions {
  /** Where fetched jars stay; `.cache` of the repository when left out. */
  readonly cacheDir?: string | undefined
  /** The directory of an unpacked Kafka; its jars are used and nothing is fetched. */
  readonly kafkaHome?: string | undefined
  readonly say: (line: string) => void
  readonly signal?: AbortSignal | undefined
  /** The whole environment of Java and Maven; they inherit ours when this is left out. */
  readonly env?: NodeJS.ProcessEnv | undefined
}

const POM = join(import.meta.dirname, 'pom.xml')
const CACHE = join(import.meta.dirname, '..', '.cache')

/**
 * The directory with the jars of Kafka's broker. Maven fetches them once; a cache that is there is whole.
 * @throws {UserError} when Maven is missing or fails, or `kafkaHome` holds no Kafka
 */
export async function kafkaJars(options: JarsOptions): Promise<string> {
  if (options.kafkaHome !== undefined) return jarsAtHome(options.kafkaHome)
  const cacheDir = resolve(options.cacheDir ?? CACHE)
  const version = /<kafka.version>(.+)</.exec(await readFile(POM, 'utf8'))?.[1]
  const target = join(cacheDir, `kafka-${version}`)
  if (existsSync(target)) return target
  await mkdir(cacheDir, { recursive: true })
  await requireDiskSpace(cacheDir)
  options.say(`Kafka ${version}: Maven fetches its jars, 44 MB, once`)
  const unfinished = await mkdtemp(`${target}.unfinished-`)
  try {
    const jars = join(unfinished, 'jars')
    await fetchJars(jars, options)
    await publish(jars, target)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return target
}

async function jarsAtHome(kafkaHome: string): Promise<string> {
  const jars = resolve(kafkaHome, 'libs')
  const names = existsSync(jars) ? await readdir(jars) : []
  if (names.some((name) => /^kafka_.*\.jar$/.test(name))) return jars
  throw new UserError(
    `KAFKA_HOME is ${kafkaHome}, where no libs/kafka_*.jar is: point it at an unpacked Kafka, or unset it.`,
  )
}

async function fetchJars(jars: string, { say, signal, env }: JarsOptions): Promise<void> {
  const onLine = (line: string) => {
    const fetched = /Downloaded from .*\/(\S+\.jar) \(([\d.]+ MB) at/.exec(line)
    if (fetched) say(`  ${fetched[1]}, ${fetched[2]}`)
  }
  // -U: what could not be fetched before is tried again.
  const args = ['--batch-mode', '-U', '-Dstyle.color=never', '-f', POM, 'initialize', `-Djars=${jars}`]
  try {
    await runToEnd({ name: 'Maven', command: 'mvn', args, env, onLine, signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UserError(complaint(cause), { cause })
  }
}

function complaint(cause: unknown): string {
  const home = 'or set KAFKA_HOME to an unpacked Kafka 4.'
  if (!(cause instanceof Error)) return String(cause)
  if ('code' in cause && cause.code === 'ENOENT') {
    return `Kafka's jars come by Maven, and no mvn was found: install Maven (Debian: apt-get install maven; macOS: brew install maven), ${home}`
  }
  const reason = /^\[ERROR\] (.+)$/m.exec(cause.message)?.[1] ?? cause.message
  return `Maven could not fetch Kafka's jars: check the network (proxies and mirrors are set in Maven's settings.xml), ${home}\n${reason}`
}

async function publish(jars: string, target: string): Promise<void> {
  try {
    await rename(jars, target)
  } catch (error) {
    // Another process was first, with the same jars.
    if (!existsSync(target)) throw error
  }
}
