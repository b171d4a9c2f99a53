import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLog } from './demo-log.ts'
import { throwAwayDirectory } from './throw-away-directory.ts'

const logLine = (level: string, msg: string) =>
  JSON.stringify({ level, time: '2025-01-01T00:00:00.000Z', stage: 'lcm', msg })

test('the file has every line, and says where a line that is not of the log comes from', async () => {
  await using directory = await throwAwayDirectory()
  const path = join(directory.path, 'demo.log')
  const log = openLog(path)
  log.add('lcm', logLine('info', 'Taking'))
  log.add('sine', 'TypeError: no')
  await log[Symbol.asyncDispose]()
  expect(await readFile(path, 'utf8')).toBe(`${logLine('info', 'Taking')}\nsine: TypeError: no\n`)
})

test('warnings and worse are counted, and the newest of them shown', async () => {
  await using directory = await throwAwayDirectory()
  let now = 1000
  await using log = openLog(join(directory.path, 'demo.log'), () => now)
  for (const level of ['debug', 'info', 'warn', 'error', 'fatal']) log.add('lcm', logLine(level, level))
  expect(log.warnings).toBe(3)
  expect(log.newest(0)).toEqual(['lcm: warn', 'lcm: error', 'lcm: fatal'])
  now = 2000
  log.add('sine', logLine('warn', 'later'))
  expect(log.newest(1000)).toEqual(['sine: later'])
  expect(log.newest(0)).toHaveLength(3)
  expect(log.warnings).toBe(4)
})

test('a failure can become a warning', async () => {
  await using directory = await throwAwayDirectory()
  await using log = openLog(join(directory.path, 'demo.log'))
  expect(await log.orWarning('It cannot be read', Promise.resolve(1))).toBe(1)
  expect(await log.orWarning('It cannot be read', Promise.reject(new Error('away')))).toBeUndefined()
  expect(log.newest(0)).toEqual(['It cannot be read: away'])
})
