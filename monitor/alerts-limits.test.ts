import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { alertsRoute } from './alerts-route.ts'

const MEGABYTE = 1_048_576

const database = { query: () => Promise.reject(new Error('not asked')) }
const { handle } = alertsRoute({
  database,
  metrics: createMetrics({ stage: 'monitor', position: 7 }),
  log: createLog('silent', {}),
})

/** A request whose body has begun. */
function begin(bytes: number) {
  const body = new PassThrough({ highWaterMark: 2 * MEGABYTE })
  body.write(Buffer.alloc(bytes, ' '))
  const answer = handle(Object.assign(body, { method: 'POST' }) as unknown as IncomingMessage)
  return { body, answer }
}

test('of ten senders that stop just before the end of a megabyte four are kept, and a small notification is read', async () => {
  const senders = Array.from({ length: 10 }, () => begin(MEGABYTE - 1))
  await setImmediate()
  const small = begin(4)
  small.body.end()
  // Blanks are not JSON.
  expect((await small.answer)[0]).toBe(400)
  for (const { body } of senders) body.end()
  const statuses = (await Promise.all(senders.map(({ answer }) => answer))).map(([status]) => status)
  expect(statuses).toEqual([...Array<number>(4).fill(400), ...Array<number>(6).fill(503)])
  const again = begin(MEGABYTE)
  again.body.end()
  expect((await again.answer)[0]).toBe(400)
})

test('a sender that goes away releases what it has sent', async () => {
  for (let count = 0; count < 10; count += 1) {
    const { body, answer } = begin(MEGABYTE)
    await setImmediate()
    body.destroy(new Error('aborted'))
    await expect(answer).rejects.toThrow('aborted')
  }
  const next = begin(MEGABYTE)
  next.body.end()
  expect((await next.answer)[0]).toBe(400)
})
