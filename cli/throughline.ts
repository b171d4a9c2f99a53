#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import packageJson from '../package.json' with { type: 'json' }

// The next start then reads compiled code, which halves the time to start and saves the 20 MB that stripping types takes.
// Static imports would be loaded before this line, so the others are dynamic.
if (import.meta.main) enableCompileCache()
const { CliCommand, exitCodesHelp, report } = await import('./options.ts')

/** The module of each command, which defines its arguments, its options and what it does. */
const commands = {
  run: () => import('./commands/run.ts'),
  generator: () => import('./commands/generator.ts'),
  monitor: () => import('./commands/monitor.ts'),
  tracer: () => import('./commands/tracer.ts'),
  migrate: () => import('./commands/migrate.ts'),
  submit: () => import('./commands/submit.ts'),
  follow: () => import('./commands/follow.ts'),
  trace: () => import('./commands/trace.ts'),
  doctor: () => import('./commands/doctor.ts'),
  status: () => import('./commands/status.ts'),
  'dead-letters': () => import('./commands/dead-letters.ts'),
  replay: () => import('./commands/replay.ts'),
  alerts: () => import('./commands/alerts.ts'),
  'new-stage': () => import('./commands/new-stage.ts'),
  scenario: () => import('./commands/scenario.ts'),
}

/**
 * The command line, which throws instead of ending the process.
 * @param word the first argument: where it names a command, only that one is loaded, which saves a stage 6 MB
 */
export async function createProgram(word = '') {
  const program = new CliCommand('throughline')
    .description(packageJson.description)
    .version(packageJson.version)
    .helpCommand(false)
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
  const isKnown = Object.hasOwn(commands, word)
  for (const [name, load] of Object.entries(commands)) {
    if (name === word || !isKnown) (await load()).define(program.command(name))
  }
  return program
}

async function main(): Promise<void> {
  // Exits explicitly: a connection left open by a failure would keep the process alive.
  const end = (outputError?: NodeJS.ErrnoException | null) => {
    // A closed pipe is no failure: its reader, such as `head`, needs no more.
    if (outputError && outputError.code !== 'EPIPE') process.exitCode = report(outputError)
    process.exit()
  }
  process.stdout.on('error', end)
  try {
    await (await createProgram(process.argv[2])).parseAsync()
  } catch (error) {
    process.exitCode = report(error)
  }
  process.stdout.write('', end)
}

if (import.meta.main) await main()
