import type { Sender } from '../kafka/producer.ts'
import type { Database } from '../sql/database.ts'
import { reserveAttempt, selectReceived } from '../sql/replays.ts'
import { headersFromText } from '../sql/results.ts'
import { UserError } from '../telemetry/user-error.ts'
import { forwardedHeaders, ownHeaders } from './headers.ts'
import type { Route } from './route.ts'

export interface ReplayOptions {
  readonly database: Database
  readonly sender: Sender
  readonly route: Route
  /** The stage before; undefined for the first. */
  readonly before: string | undefined
}

/**
 * Sends a message to a stage once more, as the stage got it, in a new attempt. The attempt number is reserved before the record
 * is sent: a crash in between leaves a number that is never used.
 * @param id 32 hex digits
 * @returns the number of the attempt, 2 or more
 * @throws {UserError} when the stage never got the message, or the broker refuses it for its size
 */
export async function replay(id: string, { database, sender, route, before }: ReplayOptions): Promise<number> {
  const stage = route.stage.name
  const received = await selectReceived(database, { id, stage, before })
  if (received === undefined) throw new UserError(`Message ${id} never came to ${stage}.`)
  const attempt = await reserveAttempt(database, id, stage)
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
