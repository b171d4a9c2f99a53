import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startChild } from './child-process.ts'
import { freePort, requireFreePort } from './free-port.ts'
import { runToEnd } from './run-to-end.ts'
import { untilReady } from './until-ready.ts'

const shell = (script: string, name = 'child') => ({ name, command: '/bin/sh', args: ['-c', script] })
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A shell that has said its first line. */
async function startTalking(script: string) {
  const said = Promise.withResolvers<string>()
  const child = await startChild({ ...shell(script), onLine: said.resolve })
  await said.promise
  return child
}

test('a command runs to its end and gives its output, also what it wrote as an error', async () => {
  expect(await runToEnd(shell('echo one; echo two >&2'))).toBe('one\ntwo')
})

test('a command that fails throws with its name, exit code and output', async () => {
  await expect(runToEnd(shell('echo "disk on fire"; exit 3', 'initdb'))).rejects.toThrow(
    'initdb ended with exit code 3:\ndisk on fire',
  )
})

test('a command that does not exist throws what the system says', async () => {
  await expect(startChild({ name: 'x', command: '/nowhere/x', args: [] })).rejects.toThrow('ENOENT')
})

test('a child that dies before it is ready throws with the last lines of its log', async () => {
  const child = await startChild(shell('echo "no such file"; exit 1', 'Kafka'))
  const waiting = untilReady(child, { isReady: async () => false, timeoutMs: 10_000 })
  await expect(waiting).rejects.toThrow('Kafka ended with exit code 1 before it was ready:\nno such file')
})

test('a child that never becomes ready is stopped', async () => {
  const child = await startTalking('echo still busy; sleep 60')
  const waiting = untilReady(child, { isReady: async () => false, timeoutMs: 100 })
  await expect(waiting).rejects.toThrow('child was not ready after 0.1 s:\nstill busy')
  expect(isAlive(child.pid)).toBe(false)
})

test('a child is stopped when the waiting for it is given up', async () => {
  const child = await startTalking('echo busy; sleep 60')
  const signal = AbortSignal.timeout(50)
  await expect(untilReady(child, { isReady: async () => false, timeoutMs: 10_000, signal })).rejects.toThrow(
    'timeout',
  )
  expect(isAlive(child.pid)).toBe(false)
})

test('stop ends a child by the asked signal', async () => {
  const child = await startTalking('echo up; exec sleep 60')
  expect(await child.stop({ signal: 'SIGINT' })).toEqual({ code: null, signal: 'SIGINT' })
  expect(isAlive(child.pid)).toBe(false)
})

test('stop kills a child that does not listen once the grace is over', async () => {
  const child = await startTalking('trap "" TERM; echo deaf; while :; do sleep 0.1; done')
  const since = performance.now()
  expect(await child.stop({ graceMs: 300 })).toEqual({ code: null, signal: 'SIGKILL' })
  expect(performance.now() - since).toBeGreaterThanOrEqual(295)
})

test('stop ends a frozen child without waiting for the grace, and can be called again', async () => {
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

test('a child does not outlive a parent that dies by -9', async () => {
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
