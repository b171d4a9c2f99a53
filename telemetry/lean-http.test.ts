import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = (first: string) => `
${first}
const { createExporter } = await import('./telemetry/exporter.ts')
const exporter = await createExporter('http/protobuf', () => {})
exporter.export([], () => undefined)
await import('node:http')
console.log(process.moduleLoadList.some((name) => name.includes('undici')))`

/** Whether a process that exports spans has loaded what only browsers' programs need. */
async function loadsMore(first: string): Promise<boolean> {
  const args = ['--input-type=module', '--eval', program(first)]
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: join(import.meta.dirname, '..'),
  })
  return stdout.trim() === 'true'
}

test('a process that exports spans and has doors does not load what only programs for browsers need', async () => {
  expect(await loadsMore(`await import('./telemetry/http.ts')`)).toBe(false)
  expect(await loadsMore(`await import('node:http')`)).toBe(true)
}, 60_000)
