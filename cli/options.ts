import { inspect } from 'node:util'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { parseMessageId } from '../pipeline/message.ts'
import { UserError } from '../telemetry/user-error.ts'

/** Exit codes that scripts can rely on. */
export const exitCode = {
  ok: 0,
  /** Something failed, or the answer to the question is bad. */
  failure: 1,
  /** Wrong arguments, a wrong environment, or a server that does not answer. */
  usageError: 2,
} as const

export const exitCodesHelp = `
Exit codes:
  0  fine
  1  something failed. Of follow: the message is dead, unfinished or unknown.
     Of status: a stage is stopped, stalled or falling behind.
     Of scenario: an expected signal was not seen.
  2  a mistake to correct: bad arguments, a bad environment, a server that
     does not answer`

/** Writes to standard error what went wrong: one sentence for a user's mistake, otherwise the whole error. Returns the exit code. */
export function report(error: unknown): number {
  // Commander has already written its complaint, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usageError
  if (error instanceof UserError) {
    process.stderr.write(`${error.message}\n`)
    return exitCode.usageError
  }
  process.stderr.write(`${inspect(error)}\n`)
  return exitCode.failure
}

/** A command that throws instead of ending the process, and so do its subcommands. */
export class CliCommand extends Command {
  constructor(name?: string) {
    super(name)
    this.exitOverride().showHelpAfterError('(--help says more)')
  }

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  /** Adds examples at the end of the help: what each does, and the command. */
  examples(commands: Readonly<Record<string, string>>): this {
    const lines = Object.entries(commands).map(([comment, command]) => `  # ${comment}\n  $ ${command}`)
    return this.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
  }
}

/** @throws {InvalidArgumentError} */
export function positiveWhole(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1) throw new InvalidArgumentError('Expected a whole number, 1 or more.')
  return value
}

/** @throws {InvalidArgumentError} */
export function seconds(text: string): number {
  if (!/^\d{1,6}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected a number of seconds, such as 30 or 0.5.')
  return Number(text)
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time so long ago, such as 30m, 2h or 7d, or an ISO time, in UTC unless it says otherwise. @throws {InvalidArgumentError} */
export function pastTime(text: string): Date {
  const [, count, unit = ''] = /^(\d{1,5})([smhd])$/.exec(text) ?? []
  if (count !== undefined) return new Date(Date.now() - Number(count) * (UNITS_MS[unit] ?? 0))
  const [, day, time = '00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text) ?? []
  const at = new Date(`${day}T${time}${zone}`)
  // A day that the month does not have is another day to Date.
  if (!Number.isNaN(at.getTime()) && new Date(`${day}T00:00Z`).toISOString().startsWith(String(day))) return at
  throw new InvalidArgumentError('Expected a duration such as 30m, 2h or 7d, or a time such as 2026-11-24T02:30Z.')
}

/** @throws {InvalidArgumentError} */
export function messageId(text: string): string {
  const id = parseMessageId(text)
  if (id === undefined) throw new InvalidArgumentError('Expected 32 hex digits, with or without dashes.')
  return id
}

/** For an argument that may be repeated: commander passes the ids before it. @throws {InvalidArgumentError} */
export function messageIds(text: string, before: readonly string[] = []): string[] {
  return [...before, messageId(text)]
}
