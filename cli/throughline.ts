#!/usr/bin/env node
import { createProgram, report } from './program.ts'

// Whoever reads our output may have seen enough, as `head` does: no reason to complain.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = report(error, (text) => process.stderr.write(text))
}
