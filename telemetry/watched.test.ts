import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { createLog } from '../pipeline/log.ts'
import { routeOf } from '../pipeline/route.ts'
import { message } from '../test/made-up-outcomes.ts'
import { watched } from './watched.ts'

afterEach(() => vi.unstubAllEnvs())

const route = routeOf(readConfig({}), 'add')

/** Whether what a process sends on says to which trace it belongs. */
async function isTraced(stage: string, position: number): Promise<boolean> {
  const process = { config: readConfig({}), log: createLog('silent', {}), stage, position }
  let traceparent: string | undefined
  await watched(process, ({ observer }) => {
    traceparent = observer.traceparent(message(1), route)
    return Promise.resolve()
  })
  return traceparent !== undefined
}

test('stages are traced, and the monitor is not: no message passes through it', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  expect(await isTraced('monitor', 7)).toBe(false)
  expect(await isTraced('add', 1)).toBe(true)
})
