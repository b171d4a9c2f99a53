import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { needs } from '../cli/doctor/checks-before.ts'
import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './child-process.ts'
import { requireDiskSpace } from './host-resources.ts'

const OLDEST_JAVA = Number(needs.java)
const JAVA_ADVICE = `install Java ${OLDEST_JAVA} or newer (Debian: apt-get install default-jre-headless; macOS: brew install openjdk) or point JAVA_HOME at one.`

/** The command that runs Java with these arguments: the one in JAVA_HOME when that is set, as Maven does, else the one on the PATH. */
export function java(args: readonly string[]): { command: string; args: string[] } {
  // `exec`: signals must reach Java, not the shell.
  return {
    command: '/bin/sh',
    args: ['-c', 'exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" "$@"', 'java', ...args],
  }
}

/** @throws {UserError} when Java is missing or too old for Kafka */
export async function requireJava(): Promise<void> {
  const output = await runToEnd({ name: 'Java', ...java(['-version']) }).catch((cause: unknown) => {
    throw new UserError(`Kafka needs Java, and none that runs was found: ${JAVA_ADVICE}`, { cause })
  })
  // Java 8 and older have the versions 1.8 and so on.
  const major = Number(/version "(\d+)/.exec(output)?.[1])
  if (major < OLDEST_JAVA) throw new UserError(`Kafka needs a newer Java than the one found here, ${major}: ${JAVA_ADVICE}`)
}

export interface JarsOptions {
  /** The directory of fetched jars; `.cache` of the repository when left out. */
  readonly cacheDir?: string | undefined
  /** The directory of an unpacked Kafka; its jars are used and nothing is fetched. */
  readonly kafkaHome?: string | undefined
  readonly say: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

const POM = join(import.meta.dirname, 'pom.xml')
const CACHE = join(import.meta.dirname, '..', '.cache')

/**
 * The directory with the jars of Kafka's broker, which Maven fetches once.
 * @throws {UserError} when Maven is missing or fails, or `kafkaHome` holds no Kafka
 */
export async function kafkaJars(options: JarsOptions): Promise<string> {
  if (options.kafkaHome !== undefined) return jarsAtHome(options.kafkaHome)
  const cacheDir = resolve(options.cacheDir ?? CACHE)
  const version = /<kafka.version>(.+)</.exec(await readFile(POM, 'utf8'))?.[1]
  const target = join(cacheDir, `kafka-${version}`)
  if (existsSync(target)) return target
  await requireDiskSpace(cacheDir)
  options.say(`Kafka ${version}: Maven fetches its jars, 44 MB, once`)
  // Renamed when all jars are there, so that a cache that exists is complete.
  const unfinished = await mkdtemp(`${target}.unfinished-`)
  try {
    const jars = join(unfinished, 'jars')
    await fetchJars(jars, options)
    await rename(jars, target).catch((error: unknown) => {
      // Another process was first, with the same jars.
      if (!existsSync(target)) throw error
    })
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

async function fetchJars(jars: string, { say, signal }: JarsOptions): Promise<void> {
  const onLine = (line: string) => {
    const fetched = /Downloaded from .*\/(\S+\.jar) \(([\d.]+ MB) at/.exec(line)
    if (fetched) say(`  ${fetched[1]}, ${fetched[2]}`)
  }
  // -U: Maven otherwise remembers a failed download and does not repeat it.
  const args = ['--batch-mode', '-U', '-Dstyle.color=never', '-f', POM, 'initialize', `-Djars=${jars}`]
  try {
    await runToEnd({ name: 'Maven', command: 'mvn', args, onLine, signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UserError(mavenAdvice(cause as NodeJS.ErrnoException), { cause })
  }
}

function mavenAdvice({ code, message }: NodeJS.ErrnoException): string {
  const home = 'or set KAFKA_HOME to an unpacked Kafka 4.'
  if (code === 'ENOENT') {
    return `Kafka's jars come by Maven, and no mvn was found: install Maven (Debian: apt-get install maven; macOS: brew install maven), ${home}`
  }
  const reason = /^\[ERROR\] (.+)$/m.exec(message)?.[1] ?? message
  return `Maven could not fetch Kafka's jars: check the network (proxies and mirrors are set in Maven's settings.xml), ${home}\n${reason}`
}
