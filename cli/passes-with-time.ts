/** SQLSTATE: connection exceptions, out of resources, shut down or starting up. */
const passingStates = /^(08|53|57P)/

/** Of a controller or broker that has just started. */
const passingTypes = new Set(['INVALID_REPLICATION_FACTOR', 'LEADER_NOT_AVAILABLE'])

/** Whether an error of Postgres or Kafka comes from a server that is away or still starting, and waiting may help. */
export function passesWithTime(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, type, retriable, cause, errors } = error as ServerError
  if (error.name === 'KafkaJSNumberOfRetriesExceeded') return passesWithTime(cause)
  if (error.name === 'KafkaJSAggregateError') return errors?.every(passesWithTime) === true
  if (error.name === 'KafkaJSTimeout') return true
  if (error.name.startsWith('KafkaJS')) return retriable === true || passingTypes.has(type ?? '')
  // Postgres itself has answered, with one of its codes.
  if (/^[\dA-Z]{5}$/.test(code ?? '')) return passingStates.test(code ?? '')
  return !(error instanceof TypeError)
}

interface ServerError extends Error {
  readonly code?: string
  readonly type?: string
  readonly retriable?: boolean
  readonly errors?: readonly unknown[]
}
