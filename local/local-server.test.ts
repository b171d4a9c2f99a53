import { expect, test } from 'vitest'
import { isAlive, shell, startTalking } from '../test/support/processes/shell-child.ts'
import { startChild } from './child-process.ts'
import { untilReady } from './local-server.ts'

test('a child that dies before it is ready throws with the last lines of its log', async () => {
  const child = await startChild(shell('echo "no such file"; exit 1', 'Kafka'))
  const waiting = untilReady(child, { isReady: async () => false, readyTimeoutMs: 10_000 })
  await expect(waiting).rejects.toThrow('Kafka ended with exit code 1 before it was ready:\nno such file')
})

test('a child that never becomes ready is stopped', async () => {
  const child = await startTalking('echo still busy; sleep 60')
  const waiting = untilReady(child, { isReady: async () => false, readyTimeoutMs: 100 })
  await expect(waiting).rejects.toThrow('child was not ready after 0.1 s:\nstill busy')
  expect(isAlive(child.pid)).toBe(false)
})

test('a child is stopped when waiting for it is aborted', async () => {
  const child = await startTalking('echo busy; sleep 60')
  const signal = AbortSignal.timeout(50)
  await expect(untilReady(child, { isReady: async () => false, readyTimeoutMs: 10_000 }, signal)).rejects.toThrow('timeout')
  expect(isAlive(child.pid)).toBe(false)
})
