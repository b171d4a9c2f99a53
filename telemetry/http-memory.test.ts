import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Whether a process that imports this has loaded what only programs for browsers need. */
async function loadsUndici(module: string): Promise<boolean> {
  const program = `await import('${module}')
    console.log(process.moduleLoadList.some((name) => name.includes('undici')))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(import.meta.dirname, '..'),
  })
  return stdout.trim() === 'true'
}

test('a process that serves /metrics does not load what only programs for browsers need', async () => {
  expect(await loadsUndici('./telemetry/http.ts')).toBe(false)
  expect(await loadsUndici('node:http')).toBe(true)
}, 60_000)
