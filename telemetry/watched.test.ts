import { trace } from '@opentelemetry/api'
import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { createLog } from '../pipeline/log.ts'
import { watched } from './watched.ts'

afterEach(() => vi.unstubAllEnvs())

/** Whether spans are made while a process works. */
async function isTraced(stage: string, position: number): Promise<boolean> {
  const process = { config: readConfig({}), log: createLog('silent', {}), stage, position }
  let isRecording = false
  await watched(process, () => {
    isRecording = trace.getTracer('test').startSpan('never ended').isRecording()
    return Promise.resolve()
  })
  return isRecording
}

test('stages are traced, and the monitor is not: no message passes through it', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  expect(await isTraced('monitor', 7)).toBe(false)
  expect(await isTraced('add', 1)).toBe(true)
})
