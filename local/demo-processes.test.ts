import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Exit } from './child-process.ts'
import { DemoFailure, abortOnExit } from './demo-processes.ts'

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
