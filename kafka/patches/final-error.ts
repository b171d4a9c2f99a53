/** An error that kafkajs does not try again after: the consumer ends with it, and so does the process. */
export function finalError(message: string): Error {
  return Object.assign(new Error(message), { retriable: false })
}
