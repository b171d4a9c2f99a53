import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './run-to-end.ts'

const OLDEST = 17
const ADVICE = `install Java ${OLDEST} or newer (Debian: apt-get install default-jre-headless; macOS: brew install openjdk) or point JAVA_HOME at one.`

/** The command that runs Java with these arguments: the one in JAVA_HOME when that is set, as Maven does, else the one on the PATH. */
export function java(args: readonly string[]): { command: string; args: string[] } {
  // `exec`: the process becomes Java, so that signals meet Java itself.
  return {
    command: '/bin/sh',
    args: ['-c', 'exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" "$@"', 'java', ...args],
  }
}

/** @throws {UserError} when Java is missing or too old for Kafka */
export async function requireJava(env?: NodeJS.ProcessEnv): Promise<void> {
  const output = await runToEnd({ name: 'Java', ...java(['-version']), env }).catch((cause: unknown) => {
    throw new UserError(`Kafka needs Java, and none that runs was found: ${ADVICE}`, { cause })
  })
  // Java 8 and older call themselves 1.8 and so on.
  const major = Number(/version "(\d+)/.exec(output)?.[1])
  if (major < OLDEST)
    throw new UserError(`Kafka needs a newer Java than the one found here, ${major}: ${ADVICE}`)
}
