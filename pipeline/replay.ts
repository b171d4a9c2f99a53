import type { Sender } from '../kafka/producer.ts'
import type { Database } from '../sql/database.ts'
import { headersFromText } from '../sql/outcome.ts'
import { reserveAttempt, selectReceived } from '../sql/replays.ts'
import { UserError } from '../telemetry/user-error.ts'
import { forwardedHeaders, ownHeaders } from './headers.ts'
import type { Route } from './route.ts'

/**
 * Sends a message to a stage once more, as the stage got it, in a new attempt. The attempt number is reserved before the record
 * is sent: a crash in between leaves a number that is never used.
 * @param id 32 hex digits
 * @param route of the stage
 * @returns the number of the attempt, 2 or more
 * @throws {UserError} when the stage never got the message, or the broker refuses it for its size
 */
export async function replay(
  id: string,
  route: Route,
  { database, sender }: { readonly database: Database; readonly sender: Sender },
): Promise<number> {
  const received = await selectReceived(database, id, route)
  if (received === undefined) throw new UserError(`Message ${id} never came to ${route.stage.name}.`)
  const attempt = await reserveAttempt(database, id, route.stage.name)
  // Without sent-at: the message enters the pipeline at this stage.
  const headers = {
    ...forwardedHeaders(headersFromText(received.headers)),
    [ownHeaders.id]: id,
    [ownHeaders.attempt]: String(attempt),
  }
  const record = { partition: received.partition, key: null, value: received.value, headers }
  const [metadata] = await sender.send(route.source, [record])
  if (metadata === undefined) throw new UserError(`The broker refuses message ${id} for its size.`)
  return attempt
}
