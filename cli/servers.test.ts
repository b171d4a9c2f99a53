import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { serverMistake } from './servers.ts'

const config = readConfig({})
const coded = (code: string) => Object.assign(new Error('as the server says it'), { code })

test.each([
  [coded('ECONNREFUSED'), /^Nothing answers at localhost:15432: start `npm run demo` or .* set DB_HOST and DB_PORT\.$/],
  [new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), /^Nothing answers at localhost:15432/],
  [new Error('timeout expired'), /^Nothing answers/],
  [new Error('timeout exceeded when trying to connect'), /^Nothing answers/],
  [new Error('Connection terminated unexpectedly'), /^Nothing answers/],
  [coded('ENOTFOUND'), /host localhost is unknown: set DB_HOST/],
  [coded('42P01'), /lacks the tables: run `npx throughline migrate`/],
  [coded('28P01'), /refuses the login \(as the server says it\): set DB_USER and DB_PASSWORD, or DATABASE_URL/],
  [Object.assign(new Error('no entry, no encryption'), { code: '28000' }), /encrypted connections only: set DB_SSLMODE/],
  [coded('SELF_SIGNED_CERT_IN_CHAIN'), /certificate of an unknown authority .*: set DB_SSLROOTCERT/],
  [coded('ERR_TLS_CERT_ALTNAME_INVALID'), /certificate for other host names .* in DB_HOST or DATABASE_URL/],
  [coded('CERT_HAS_EXPIRED'), /certificate that is not valid now .*: renew it/],
  [coded('3D000'), /no database flow_results: create it, or set DB_NAME/],
  [coded('57P03'), /try again in a few seconds/],
  [new Error('The server does not support SSL connections'), /DB_SSLMODE=disable/],
])('of Postgres, %s is a sentence that says what to do', (error, sentence) => {
  const mistake = serverMistake(error, config)
  expect(mistake).toBeInstanceOf(UserError)
  expect(mistake?.message).toMatch(sentence)
  expect(mistake?.cause).toBe(error)
})

test('other errors of Postgres are no mistake of the user', () => {
  expect(serverMistake(coded('23505'), config)).toBeUndefined()
  expect(serverMistake(new TypeError('x is not a function'), config)).toBeUndefined()
  expect(serverMistake('not an error', config)).toBeUndefined()
})

const kafkaError = (name: string, details: object = {}) =>
  Object.assign(new Error('as kafkajs says it'), { name, ...details })
const refused = kafkaError('KafkaJSConnectionError', { broker: 'localhost:19092' })

test.each([
  [refused, /^Nothing answers at localhost:19092: start `npm run demo` or .* set BOOTSTRAP_SERVERS\.$/],
  [kafkaError('KafkaJSNumberOfRetriesExceeded', { cause: refused }), /^Nothing answers/],
  [kafkaError('KafkaJSRequestTimeoutError'), /^Nothing answers/],
  [
    kafkaError('KafkaJSConnectionClosedError', { message: 'no answer to ApiVersions from localhost:19092' }),
    /^Nothing answers/,
  ],
  [new Error('Broker not connected'), /^Nothing answers/],
  [kafkaError('KafkaJSConnectionError', { broker: 'kafka:9092' }), /refers to kafka:9092.*advertised\.listeners/],
  [
    kafkaError('KafkaJSSASLAuthenticationError'),
    /refuses the login .*: set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or EVENTHUB_CONNECTIONSTRING for Event Hubs/,
  ],
  [kafkaError('KafkaJSProtocolError', { type: 'UNSUPPORTED_SASL_MECHANISM' }), /set KAFKA_SASL_MECHANISM/],
  [
    kafkaError('KafkaJSProtocolError', { type: 'ILLEGAL_SASL_STATE' }),
    /expects no login here: set KAFKA_SECURITY_PROTOCOL/,
  ],
  [kafkaError('KafkaJSProtocolError', { type: 'GROUP_AUTHORIZATION_FAILED' }), /KAFKA_SASL_USERNAME.*: give it the right/],
  [kafkaError('KafkaJSConnectionClosedError'), /closes the connection: set KAFKA_SECURITY_PROTOCOL/],
  [
    kafkaError('KafkaJSConnectionError', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }),
    /authority .*: set KAFKA_SSL_CA_FILE/,
  ],
  [
    kafkaError('KafkaJSConnectionError', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    /in BOOTSTRAP_SERVERS, or in .*advertised/,
  ],
  [kafkaError('KafkaJSConnectionError', { code: 'CERT_NOT_YET_VALID' }), /not valid now .*: renew it on the broker/],
  [
    kafkaError('KafkaJSConnectionError', { code: 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE' }),
    /refuses the certificate of this client: set KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE/,
  ],
  [kafkaError('KafkaJSProtocolError', { type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true }), /npx throughline migrate/],
  [kafkaError('KafkaJSProtocolError', { type: 'NOT_LEADER_FOR_PARTITION', retriable: true }), /try again in a few seconds/],
])('of Kafka, %s is a sentence that says what to do', (error, sentence) => {
  const mistake = serverMistake(error, config)
  expect(mistake).toBeInstanceOf(UserError)
  expect(mistake?.message).toMatch(sentence)
  expect(mistake?.cause).toBe(error)
})

test('other errors of Kafka are no mistake of the user', () => {
  expect(serverMistake(kafkaError('KafkaJSProtocolError', { retriable: false }), config)).toBeUndefined()
  expect(serverMistake(new TypeError('x is not a function'), config)).toBeUndefined()
})
