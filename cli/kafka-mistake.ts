import type { Config } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'

/** What a person can do about an error that kafkajs throws; undefined when it is nobody's mistake. */
export function kafkaMistake(error: unknown, config: Config): UserError | undefined {
  const sentence = error instanceof Error ? sentenceFor(rootOf(error), config) : undefined
  return sentence === undefined ? undefined : new UserError(sentence, { cause: error })
}

/** What kafkajs's errors carry, by their names. */
interface KafkaError extends Error {
  readonly type?: string
  readonly broker?: string
  readonly retriable?: boolean
}

function sentenceFor(error: KafkaError, config: Config): string | undefined {
  const known = config.BOOTSTRAP_SERVERS
  const place = known.join(', ')
  switch (error.name) {
    case 'KafkaJSConnectionError':
    case 'KafkaJSConnectionClosedError':
      return error.broker === undefined || known.includes(error.broker)
        ? nothingAnswers(place)
        : sentOn(place, error.broker)
    case 'KafkaJSRequestTimeoutError':
    case 'KafkaJSBrokerNotFound':
    case 'KafkaJSNoBrokerAvailableError':
      return nothingAnswers(place)
    case 'KafkaJSSASLAuthenticationError':
      return `Kafka at ${place} does not let us in: set EVENTHUB_CONNECTIONSTRING.`
    default:
      // Connected, but silent: for this kafkajs has an error without a name.
      if (error.message === 'Broker not connected') return nothingAnswers(place)
      if (error.type === 'UNKNOWN_TOPIC_OR_PARTITION') {
        return `Kafka at ${place} lacks the topics of the pipeline: run \`npx throughline migrate\`.`
      }
      return error.name === 'KafkaJSProtocolError' && error.retriable === true
        ? `Kafka at ${place} is not ready yet (${error.message}): try again in a moment.`
        : undefined
  }
}

function nothingAnswers(place: string): string {
  return `Nothing answers at ${place}: start \`npm run demo\` or \`docker compose up\`, or set BOOTSTRAP_SERVERS.`
}

function sentOn(place: string, broker: string): string {
  return `Kafka at ${place} sends us on to ${broker}, where nothing answers: its advertised.listeners must be reachable from here.`
}

/** kafkajs wraps the last failure when it gives up trying. */
function rootOf(error: Error): Error {
  return error.name === 'KafkaJSNumberOfRetriesExceeded' && error.cause instanceof Error
    ? rootOf(error.cause)
    : error
}
