#!/usr/bin/env node
import '../telemetry/preload.ts'

// Whoever reads our output may have seen enough, as `head` does: no reason to complain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

// Loaded behind the preload, which must come before any import of kafkajs.
const { createProgram, report } = await import('./program.ts')

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = report(error, (text) => process.stderr.write(text))
}
