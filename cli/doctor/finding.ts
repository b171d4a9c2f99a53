import type { Config } from '../../pipeline/config.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { serverMistake } from '../servers.ts'

/** What a check found. Message and remedy are the two halves of a sentence, without the colon between them and the end. */
export interface Finding {
  /** The name of the check, such as `topics`. */
  readonly check: string
  readonly status: 'pass' | 'warning' | 'failure'
  readonly message: string
  /** What to do; null where nothing has to be done. */
  readonly remedy: string | null
}

/** What was found at a server, Kafka or Postgres. */
export interface ServerFindings {
  /** Whether it answers, be it with a refusal. */
  readonly isThere: boolean
  readonly findings: readonly Finding[]
}

export const pass = (check: string, message: string): Finding => ({ check, status: 'pass', message, remedy: null })

const problem =
  (status: 'warning' | 'failure') =>
  (check: string, message: string, remedy: string): Finding => ({ check, status, message, remedy })

export const warning = problem('warning')
export const failure = problem('failure')

/** Runs one check. What it throws is its failure. */
export async function attempt(
  check: string,
  config: Config,
  work: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return [await work()].flat()
  } catch (error) {
    const sentence =
      sentenceOf(error, config) ?? `This could not be checked (${reasonOf(error)}): try again in a few seconds.`
    return [failure(check, ...halves(sentence))]
  }
}

function sentenceOf(error: unknown, config: Config): string | undefined {
  return (error instanceof UserError ? error : serverMistake(error, config))?.message
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message.replace(/\.$/, '') : String(error))

/** The two halves of a sentence such as "Nothing answers at HOST: start it." */
export function halves(sentence: string): [message: string, remedy: string] {
  const text = sentence.replace(/\.$/, '')
  const colon = text.lastIndexOf(': ')
  return colon === -1 ? [text, 'see the message'] : [text.slice(0, colon), text.slice(colon + 2)]
}

interface ServerChecks {
  readonly server: 'Kafka' | 'Postgres'
  readonly address: string
  /** The names of the checks that are left out where it cannot be connected to. */
  readonly others: string
  /** Connects and makes the checks. */
  readonly run: () => Promise<readonly Finding[]>
}

/** What is found at a server; one failure where it cannot be connected to. */
export async function checkServer({ server, address, others, run }: ServerChecks, config: Config): Promise<ServerFindings> {
  try {
    return { isThere: true, findings: await run() }
  } catch (error) {
    const remedy = `stop that program, or set the address of ${server}`
    const stranger = `What answers at ${address} does not speak as ${server} does (${reasonOf(error)}): ${remedy}`
    const sentence = sentenceOf(error, config)
    const isKnownError = sentence !== undefined && !sentence.includes('closes the connection')
    const isSilent = sentence?.startsWith('Nothing answers') === true
    const [message, advice] = halves(isKnownError ? sentence : stranger)
    const what = isSilent ? `${server} at ${address} does not answer` : message
    const finding = failure(server.toLowerCase(), `${what} (not checked: ${others})`, advice)
    return { isThere: isKnownError && !isSilent, findings: [finding] }
  }
}

/** Milliseconds. Ages and times of messages are off by the same. */
const CLOCKS_AGREE = 1000

/**
 * Compares a server's time of day with that of this machine.
 * @param read the server's, in milliseconds since the epoch
 * @param clock that of this machine
 */
export async function checkClock(
  { check, server }: { check: string; server: string },
  read: () => Promise<number>,
  clock: () => number,
): Promise<Finding> {
  // The first answer may have waited for a connection.
  await read()
  const before = clock()
  const there = await read()
  const after = clock()
  const offset = there - (before + after) / 2
  const off = `${Math.abs(offset).toFixed(0)} ms ${offset < 0 ? 'behind' : 'ahead of'}`
  const message = `The clock of ${server} is ${off} that of this machine, read within ${(after - before).toFixed(0)} ms`
  if (Math.abs(offset) <= CLOCKS_AGREE) return pass(check, message)
  return warning(check, message, 'times and ages of messages are off by that; synchronise both clocks by NTP')
}
