import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { UserError } from '../pipeline/user-error.ts'
import { addAlerts } from './alerts/alerts.ts'
import { addDeadLetters } from './dead-letters/dead-letters.ts'
import { exitCode, exitCodesHelp } from './exit-code.ts'
import { addFollow } from './follow/follow.ts'
import { addGenerator } from './generator.ts'
import { addMigrate } from './migrate/migrate.ts'
import { addMonitor } from './monitor.ts'
import { addReplay } from './replay/replay.ts'
import { addRun } from './run.ts'
import { addStatus } from './status/status.ts'
import { addSubmit } from './submit/submit.ts'
import { addTrace } from './trace.ts'
import { addTracer } from './tracer.ts'

/** The whole command line. Throws instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('throughline')
    .description(packageJson.description)
    .version(packageJson.version)
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText(
      'after',
      `
Settings come from the environment (BOOTSTRAP_SERVERS, DB_HOST, DB_PORT, ...;
.env.example has them all). Without any, Kafka is expected at localhost:19092
and Postgres at localhost:15432, where the demo and compose have them.
${exitCodesHelp}

Example:
  $ npx throughline submit '{"numbers":[76452,61211234,8243724]}'`,
    )
  for (const add of [
    addRun,
    addGenerator,
    addMonitor,
    addTracer,
    addMigrate,
    addSubmit,
    addFollow,
    addTrace,
    addStatus,
    addDeadLetters,
    addReplay,
    addAlerts,
  ])
    add(program)
  return program
}

/** Says what went wrong, a person's mistake in one sentence and everything else whole. Returns the exit code. */
export function report(error: unknown, write: (text: string) => void): number {
  // Commander has written its complaint, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.fine : exitCode.mistake
  if (error instanceof UserError) {
    write(`${error.message}\n`)
    return exitCode.mistake
  }
  write(`${inspect(error)}\n`)
  return exitCode.bad
}
