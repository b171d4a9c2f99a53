import { expect, test } from 'vitest'
import { isPermanent } from './migrate.ts'

const like = (details: object) => Object.assign(new Error('as the server says it'), details)
const connection = like({ name: 'KafkaJSConnectionError', retriable: true })
const noBrokerYet = like({
  name: 'KafkaJSCreateTopicError',
  type: 'INVALID_REPLICATION_FACTOR',
  retriable: false,
})

test.each([
  ['a refused connection', like({ code: 'ECONNREFUSED' })],
  ['a name that is not known yet', like({ code: 'ENOTFOUND' })],
  ['Postgres starting up', like({ code: '57P03' })],
  ['Postgres without a free connection', like({ code: '53300' })],
  ['a connection that takes too long', new Error('timeout expired')],
  ['kafkajs giving up to connect', like({ name: 'KafkaJSNumberOfRetriesExceeded', cause: connection })],
  ['a controller that has no broker yet', like({ name: 'KafkaJSAggregateError', errors: [noBrokerYet] })],
])('%s is worth waiting', (_, error) => {
  expect(isPermanent(error)).toBe(false)
})

test.each([
  ['a wrong password', like({ code: '28P01' })],
  ['a database that is not there', like({ code: '3D000' })],
  ['a mistake in a migration', like({ code: '42601' })],
  [
    'a certificate of an unknown authority',
    like({ name: 'KafkaJSConnectionError', code: 'SELF_SIGNED_CERT_IN_CHAIN', retriable: true }),
  ],
  ['a certificate for another host', like({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })],
  ['a wrong connection string', like({ name: 'KafkaJSSASLAuthenticationError', retriable: false })],
  [
    'a policy against the topic',
    like({ name: 'KafkaJSAggregateError', errors: [like({ name: 'KafkaJSCreateTopicError' })] }),
  ],
])('%s is not', (_, error) => {
  expect(isPermanent(error)).toBe(true)
})
