import { expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { startProbed } from './support/processes/probed-process.ts'

const wait = { timeout: 240_000, interval: 200 }

test('what another process has saved but not sent is sent by a generator that runs already', async () => {
  await using pipeline = await freshPipeline()
  await using generator = await startProbed(['generator'], { ...pipeline.env, RATE: '5' })
  const count = async () => {
    const { rows } = await pipeline.database.query(
      'select from inputs where message_id not in (select message_id from outbox)',
    )
    return rows.length
  }
  await expect.poll(count, wait).toBeGreaterThan(0)
  // As a process leaves it that is killed while Postgres is at it, a minute ago.
  const id = newMessageId()
  await pipeline.database.query(
    `with input as (
       insert into inputs (message_id, numbers, body, stage, partition) values ($1, '[1]', '{"numbers":[1]}', 'add', 0)
     )
     insert into outbox (message_id, created_at, stage) values ($1, now() - interval '61 seconds', 'add')`,
    [id],
  )
  const isSent = async () => {
    const text = 'select from inputs where message_id not in (select message_id from outbox) and message_id = $1'
    const { rows } = await pipeline.database.query(text, [id])
    return rows.length === 1
  }
  await expect.poll(isSent, wait).toBe(true)
  // The line follows the row by one more query.
  await expect.poll(() => generator.logged(/^Sent 1 message/), wait).toHaveLength(1)
})
