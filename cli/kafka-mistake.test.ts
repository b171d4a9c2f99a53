import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { kafkaMistake } from './kafka-mistake.ts'

const config = readConfig({})
const kafkaError = (name: string, details: object = {}) =>
  Object.assign(new Error('as kafkajs says it'), { name, ...details })
const refused = kafkaError('KafkaJSConnectionError', { broker: 'localhost:19092' })

test.each([
  [refused, /^Nothing answers at localhost:19092: start `npm run demo` or .* set BOOTSTRAP_SERVERS\.$/],
  [kafkaError('KafkaJSNumberOfRetriesExceeded', { cause: refused }), /^Nothing answers/],
  [kafkaError('KafkaJSRequestTimeoutError'), /^Nothing answers/],
  [new Error('Broker not connected'), /^Nothing answers/],
  [
    kafkaError('KafkaJSConnectionError', { broker: 'kafka:9092' }),
    /sends us on to kafka:9092.*advertised\.listeners/,
  ],
  [kafkaError('KafkaJSSASLAuthenticationError'), /set EVENTHUB_CONNECTIONSTRING/],
  [
    kafkaError('KafkaJSProtocolError', { type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true }),
    /npx throughline migrate/,
  ],
  [
    kafkaError('KafkaJSProtocolError', { type: 'NOT_LEADER_FOR_PARTITION', retriable: true }),
    /try again in a moment/,
  ],
])('%s is a sentence that says what to do', (error, sentence) => {
  const mistake = kafkaMistake(error, config)
  expect(mistake).toBeInstanceOf(UserError)
  expect(mistake?.message).toMatch(sentence)
  expect(mistake?.cause).toBe(error)
})

test('what nobody at the keyboard can mend is no mistake of theirs', () => {
  expect(kafkaMistake(kafkaError('KafkaJSProtocolError', { retriable: false }), config)).toBeUndefined()
  expect(kafkaMistake(new TypeError('x is not a function'), config)).toBeUndefined()
})
