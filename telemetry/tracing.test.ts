import { isWrapped } from '@opentelemetry/instrumentation'
import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { loadKafkajs } from '../kafka/client.ts'
import { startTracing } from './tracing.ts'

afterEach(() => vi.unstubAllEnvs())

test('where messages enter, kafkajs is wrapped, also when it was loaded before', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  const { prototype } = loadKafkajs().Kafka
  const options = { service: 'submit', config: readConfig({}), onLost: () => {} }
  const tracing = await startTracing({ ...options, isEntry: true })
  expect(isWrapped(prototype.producer)).toBe(true)
  await tracing.stop()
})
