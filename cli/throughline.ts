#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import type { Command } from 'commander'
import packageJson from '../package.json' with { type: 'json' }

// The next start then reads compiled code, which halves the time to start and saves the 20 MB that stripping types takes.
// Static imports would be loaded before this line, so the others are dynamic.
if (import.meta.main) enableCompileCache()
const commander = await import('commander')
const { exitCodesHelp, report } = await import('./options.ts')

/** The module of each command. It adds the command to the program. */
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
 * @param word the first argument: where it names a command, only that one is loaded, which saves a stage 6 MB
 */
export async function createProgram(word = ''): Promise<Command> {
  const program = new commander.Command('throughline')
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

async function main(): Promise<void> {
  const write = (text: string) => process.stderr.write(text)
  // Exits explicitly: a connection left open by a failure would keep the process alive.
  const end = (outputError?: NodeJS.ErrnoException | null) => {
    // A closed pipe is no failure: its reader, such as `head`, needs no more.
    if (outputError && outputError.code !== 'EPIPE') process.exitCode = report(outputError, write)
    process.exit()
  }
  process.stdout.on('error', end)
  try {
    await (await createProgram(process.argv[2])).parseAsync()
  } catch (error) {
    process.exitCode = report(error, write)
  }
  process.stdout.write('', end)
}

if (import.meta.main) await main()
