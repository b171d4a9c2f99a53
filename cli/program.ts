import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { UserError } from '../telemetry/user-error.ts'
import { exitCode, exitCodesHelp } from './exit-code.ts'

/** Each command adds itself to the program. */
const commands = {
  run: async () => (await import('./run.ts')).addRun,
  generator: async () => (await import('./generator.ts')).addGenerator,
  monitor: async () => (await import('./monitor.ts')).addMonitor,
  tracer: async () => (await import('./tracer.ts')).addTracer,
  migrate: async () => (await import('./migrate.ts')).addMigrate,
  submit: async () => (await import('./submit.ts')).addSubmit,
  follow: async () => (await import('./follow.ts')).addFollow,
  trace: async () => (await import('./trace.ts')).addTrace,
  status: async () => (await import('./status.ts')).addStatus,
  'dead-letters': async () => (await import('./dead-letters.ts')).addDeadLetters,
  replay: async () => (await import('./replay.ts')).addReplay,
  alerts: async () => (await import('./alerts.ts')).addAlerts,
}

const isCommand = (word: string): word is keyof typeof commands => Object.hasOwn(commands, word)

/**
 * The command line, which throws instead of ending the process.
 * @param word the first argument: where it names a command, only that one is loaded, so that a stage is 6 MB smaller
 */
export async function createProgram(word = ''): Promise<Command> {
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
  for (const load of isCommand(word) ? [commands[word]] : Object.values(commands)) (await load())(program)
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
