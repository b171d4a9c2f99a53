#!/usr/bin/env node
import '../telemetry/preload.ts'
import { exitCode } from './exit-code.ts'

// Whoever reads our output may have seen enough, as `head` does: no reason to complain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCode.fine)
})

// Loaded behind the preload, which has to come before any import of kafkajs.
const { createProgram, report } = await import('./program.ts')

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = report(error, (text) => process.stderr.write(text))
}
// Not by itself: a connection that a failure has left open would keep alive a process that does nothing any more.
process.stdout.write('', () => process.exit())
