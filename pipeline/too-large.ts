import { now } from './clock.ts'
import { transaction, type Database } from './database.ts'
import { insertDeadLetters } from './dead-letters.ts'
import type { Place } from './outcome-columns.ts'
import type { SavedDeadLetter, SavedResult } from './save.ts'

const remove = `
with gone as (
  delete from results where message_id = $1 and attempt = $2 and stage = $3 returning started_at, previous_sent_at
), counted as (
  update counters set processed = processed - (select count(*) from gone) where stage = $3 and partition = $4
)
select extract(epoch from started_at) * 1000 as started from gone`

/** A result that the broker refuses for its size has no way on: in one transaction its row becomes a dead letter. */
export async function buryTooLarge(
  database: Database,
  place: Place,
  refused: readonly SavedResult[],
): Promise<SavedDeadLetter[]> {
  const letters: SavedDeadLetter[] = []
  for (const { message, body } of refused) {
    const explanation = `The broker refuses the record of ${Buffer.byteLength(body)} bytes; raise max.message.bytes or send less.`
    const letter = { message, reason: 'too-large', explanation } as const
    await transaction(database, async (client) => {
      const values = [message.id, message.attempt, place.stage, place.partition]
      const { rows } = await client.query<{ started: string }>(remove, values)
      const startedAt = Number(rows[0]?.started ?? now())
      await insertDeadLetters(client, place, [{ ...letter, startedAt, computedAt: now() }])
    })
    letters.push(letter)
  }
  return letters
}
