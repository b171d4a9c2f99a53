import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isAlive, shell, startTalking } from '../test/support/processes/shell-child.ts'
import { runToEnd, startChild } from './child-process.ts'
import { freePort, requireFreePort } from './host-resources.ts'

test('a command runs to its end and returns its output, standard error included', async () => {
  expect(await runToEnd(shell('echo one; echo two >&2'))).toBe('one\ntwo')
})

test('a command that fails throws with its name, exit code and output', async () => {
  await expect(runToEnd(shell('echo "disk on fire"; exit 3', 'initdb'))).rejects.toThrow(
    'initdb ended with exit code 3:\ndisk on fire',
  )
})

test('a command that does not exist throws the error of the system', async () => {
  await expect(startChild({ name: 'x', command: '/nowhere/x', args: [] })).rejects.toThrow('ENOENT')
})

test('only the newest 40 lines are kept, in order', async () => {
  const lines = (await runToEnd(shell('for line in $(seq 50); do echo $line; done'))).split('\n')
  expect(lines).toEqual(Array.from({ length: 40 }, (_, index) => String(index + 11)))
})

test('stop sends the signal that was asked for', async () => {
  const child = await startTalking('echo up; exec sleep 60')
  expect(await child.stop({ signal: 'SIGINT' })).toEqual({ code: null, signal: 'SIGINT' })
  expect(isAlive(child.pid)).toBe(false)
})

test('stop kills a child that ignores the signal once the grace period is over', async () => {
  const child = await startTalking('trap "" TERM; echo deaf; while :; do sleep 0.1; done')
  const since = performance.now()
  expect(await child.stop({ graceMs: 300 })).toEqual({ code: null, signal: 'SIGKILL' })
  expect(performance.now() - since).toBeGreaterThanOrEqual(295)
})

test('stop ends a frozen child before the grace period is over, and can be called again', async () => {
  const child = await startTalking('echo up; exec sleep 60')
  child.kill('SIGSTOP')
  expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' })
})

test('what a child leaves behind in its group ends with it', async () => {
  const child = await startChild(shell('sleep 60 & exit 7'))
  // The sleeper holds the pipe of its output, so this would take a minute.
  expect(await child.exited).toEqual({ code: 7, signal: null })
})

test('a child does not outlive a parent that is killed by SIGKILL', async () => {
  const port = await freePort()
  const server = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`
  const options = `{ name: 'server', command: process.execPath, args: ['-e', ${JSON.stringify(server)}], onLine: console.log }`
  const module = JSON.stringify(join(import.meta.dirname, 'child-process.ts'))
  const parent = `import { startChild } from ${module}; await startChild(${options})`
  const listening = Promise.withResolvers<string>()
  const args = ['--input-type=module', '-e', parent]
  const onLine = listening.resolve
  const child = await startChild({ name: 'parent', command: process.execPath, args, onLine })
  expect(await listening.promise).toBe('listening')
  await expect(requireFreePort(port, 'test')).rejects.toThrow('is taken')
  child.kill('SIGKILL')
  await child.exited
  await expect.poll(() => requireFreePort(port, 'test'), { timeout: 5000 }).toBeUndefined()
})
