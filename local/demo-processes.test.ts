import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Exit } from './child-process.ts'
import { DemoFailure, abortOnExit, openLog } from './demo-processes.ts'
import { temporaryDirectory } from './host-resources.ts'

/** The reason why a demo ended after one of its processes has ended; undefined while it goes on. */
async function after(exit: Exit, mayFinish = false): Promise<unknown> {
  const ending = new AbortController()
  const lines = Array.from({ length: 30 }, (_, line) => `line ${line}`).join('\n')
  void abortOnExit({ name: 'lcm', exited: Promise.resolve(exit), outputTail: () => lines }, ending, { mayFinish })
  await setImmediate()
  return ending.signal.reason
}

test('a process that ends by itself ends the demo, and its last lines say why', async () => {
  const reason = await after({ code: 7, signal: null })
  expect(reason).toBeInstanceOf(DemoFailure)
  expect(String(reason)).toMatch(/lcm ended with exit code 7:\nline 0\n[^]*line 29$/)
  expect(String(await after({ code: null, signal: 'SIGKILL' }))).toContain('lcm ended by SIGKILL')
})

test('a process whose work is done may end, but not fail', async () => {
  expect(await after({ code: 0, signal: null }, true)).toBeUndefined()
  expect(await after({ code: 1, signal: null }, true)).toBeInstanceOf(DemoFailure)
})

test('processes may end after the demo', async () => {
  const over = new Error('over')
  const ending = new AbortController()
  const exited = Promise.withResolvers<Exit>()
  void abortOnExit({ name: 'lcm', exited: exited.promise, outputTail: () => '' }, ending)
  ending.abort(over)
  exited.resolve({ code: 1, signal: null })
  await setImmediate()
  expect(ending.signal.reason).toBe(over)
})

const logLine = (level: string, msg: string) =>
  JSON.stringify({ level, time: '2025-01-01T00:00:00.000Z', stage: 'lcm', msg })

test('the file has every line, with the name of the process before lines that are not JSON', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'demo.log')
  const log = openLog(path)
  log.add('lcm', logLine('info', 'Taking'))
  log.add('sine', 'TypeError: no')
  await log[Symbol.asyncDispose]()
  expect(await readFile(path, 'utf8')).toBe(`${logLine('info', 'Taking')}\nsine: TypeError: no\n`)
})

test('warnings and worse are counted, and the three newest are shown', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'demo.log')
  await using log = openLog(path)
  expect(log.warningLines()).toEqual([])
  for (const level of ['debug', 'info', 'warn']) log.add('lcm', logLine(level, level))
  expect(log.warningLines()).toEqual([`1 warning so far, all of them in ${path}`, 'lcm: warn'])
  for (const level of ['error', 'fatal']) log.add('lcm', logLine(level, level))
  log.warn('It cannot be read: away')
  const newest = ['lcm: error', 'lcm: fatal', 'It cannot be read: away']
  expect(log.warningLines()).toEqual([`4 warnings so far, all of them in ${path}`, ...newest])
})
