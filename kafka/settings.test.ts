import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { SYNC_GROUP_TIMEOUT } from './patches/connections.ts'
import { kafkaSettings } from './settings.ts'

const local = kafkaSettings(readConfig({}), 'add')
const azure = kafkaSettings(
  readConfig({
    BOOTSTRAP_SERVERS: 'lab.servicebus.windows.net:9093',
    EVENTHUB_CONNECTIONSTRING: 'Endpoint=sb://lab/;SharedAccessKey=x',
    TOPICS_AUTO_CREATE: 'false',
  }),
  'add',
)

test('a plain broker needs no TLS and no login', () => {
  expect(local.client).not.toHaveProperty('ssl')
  expect(local.client).not.toHaveProperty('sasl')
  expect(local.createTopics).toBe(true)
})

test('TLS verifies the certificate, and the login is the mechanism that is asked for', () => {
  const login = { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_USERNAME: 'flow', KAFKA_SASL_PASSWORD: 'secret' }
  const { client } = kafkaSettings(readConfig({ KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', ...login }), 'add')
  expect(client.ssl).toMatchObject({ rejectUnauthorized: true })
  expect(client.ssl).not.toHaveProperty('checkServerIdentity')
  expect(client.sasl).toEqual({ mechanism: 'scram-sha-512', username: 'flow', password: 'secret' })
  const unencrypted = kafkaSettings(readConfig({ KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT', ...login }), 'add')
  expect(unencrypted.client).not.toHaveProperty('ssl')
})

test('records are read from the leader unless a rack is named', () => {
  expect(local.consumer).not.toHaveProperty('rackId')
  expect(kafkaSettings(readConfig({ KAFKA_RACK_ID: 'zone-a' }), 'add').consumer.rackId).toBe('zone-a')
})

test('Event Hubs: SASL PLAIN over TLS, as $ConnectionString', () => {
  expect(azure.client).toMatchObject({
    brokers: ['lab.servicebus.windows.net:9093'],
    ssl: true,
    sasl: {
      mechanism: 'plain',
      username: '$ConnectionString',
      password: 'Endpoint=sb://lab/;SharedAccessKey=x',
    },
  })
})

test('Event Hubs: timeouts, ages and sizes are those of its documentation', () => {
  expect(azure.client.requestTimeout).toBeGreaterThanOrEqual(60_000)
  expect(azure.client.connectionTimeout).toBeGreaterThanOrEqual(10_000)
  expect(azure.consumer.sessionTimeout).toBeGreaterThanOrEqual(30_000)
  // It closes idle connections after 240 s.
  expect(azure.consumer.metadataMaxAge).toBeLessThanOrEqual(180_000)
  expect(azure.producer.metadataMaxAge).toBeLessThanOrEqual(180_000)
  // It closes the connection on requests over 1,046,528 bytes.
  expect(azure.maxRequestBytes).toBeLessThanOrEqual(1_000_000)
  expect(azure.maxRequestBytesBeforeDisconnect).toBeLessThanOrEqual(1_046_528)
  expect(azure.maxRequestBytesBeforeDisconnect).toBeGreaterThan(azure.maxRequestBytes)
  expect(azure.createTopics).toBe(false)
})

test.each([local, azure])('timeouts are ordered: SyncGroup > rebalance > session > heartbeat', (settings) => {
  const { sessionTimeout = 0, rebalanceTimeout = 0, heartbeatInterval = 0 } = settings.consumer
  expect(Math.max(settings.client.requestTimeout ?? 0, SYNC_GROUP_TIMEOUT)).toBeGreaterThan(rebalanceTimeout)
  expect(rebalanceTimeout).toBeGreaterThan(sessionTimeout)
  expect(sessionTimeout).toBeGreaterThan(3 * heartbeatInterval)
  expect(heartbeatInterval).toBeGreaterThanOrEqual(settings.consumer.maxWaitTimeInMs ?? 5000)
})

test.each([local, azure])('never the idempotent producer, whose retries can lose records', (settings) => {
  expect(settings.producer.idempotent).toBe(false)
})
