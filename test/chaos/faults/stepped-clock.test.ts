import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../../local/host-resources.ts'

const PRINT =
  'setInterval(() => console.log(Date.now(), +new Date(), +new Date(5), performance.timeOrigin + performance.now()), 20)'

test('the clock follows the file, and the monotonic clock does not', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'clock')
  await writeFile(file, '600000')
  const clock = join(import.meta.dirname, 'stepped-clock.ts')
  const child = execa(process.execPath, ['--import', clock, '--eval', PRINT], {
    env: { CHAOS_CLOCK_FILE: file },
    buffer: false,
    reject: false,
  })
  const steps = new Set<number>()
  for await (const line of createInterface({ input: child.stdout })) {
    const [called = 0, constructed = 0, given, monotonic = 0] = line.split(' ').map(Number)
    expect(given).toBe(5)
    expect(Math.abs(constructed - called)).toBeLessThan(1000)
    steps.add(Math.round((called - monotonic) / 60_000))
    if (steps.size === 1) await writeFile(file, '-600000')
    else break
  }
  child.kill()
  await child
  expect([...steps]).toEqual([10, -10])
})
