import { expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { pipelineWithStages, runStages } from './support/running-stages.ts'

const pipeline = pipelineWithStages()

const wait = { timeout: 240_000, interval: 50 }

/** The outcome of a message: finished, or its dead letter. */
async function outcomeOf(id: string) {
  const { rows } = await pipeline.database.query<{ stage: string; reason: string; explanation: string }>(
    `select stage, reason, explanation from dead_letters where message_id = $1
     union all select 'finish', '', '' from finished where message_id = $1`,
    [id],
  )
  return rows[0]
}

/** Sends a body with a known id and waits for its outcome. */
async function fate(body: Buffer | string | null, topic = 'start', headers: Record<string, string> = {}) {
  const id = newMessageId()
  await pipeline.post(topic, body, { 'message-id': id, ...headers })
  await expect.poll(() => outcomeOf(id), wait).toBeDefined()
  return await outcomeOf(id)
}

const many = (count: number) => `{"numbers":[${Array.from({ length: count }, () => '1').join(',')}]}`

test.each([
  ['no JSON', 'hello', 'not-json', 'hello'],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not-utf8', 'UTF-8'],
  ['an empty value', '', 'empty', 'empty'],
  ['a null value', null, 'empty', 'empty'],
  ['an array', '[1,2]', 'not-an-object', '[1,2]'],
  ['no numbers', '{"number":[1]}', 'missing-field', 'numbers'],
  ['numbers that are no list', '{"numbers":7}', 'not-a-list', '7'],
  ['an empty list', '{"numbers":[]}', 'no-numbers', 'empty'],
  ['10,001 numbers', many(10_001), 'too-many-numbers', '10,000'],
  ['a string among the numbers', '{"numbers":[1,"2"]}', 'not-a-number', 'numbers[1]'],
  ['null among the numbers', '{"numbers":[null]}', 'not-a-number', 'numbers[0]'],
  ['true among the numbers', '{"numbers":[1,2,true]}', 'not-a-number', 'numbers[2]'],
  ['NaN among the numbers', '{"numbers":[NaN]}', 'not-json', 'NaN'],
  ['a number with too many digits', '{"numbers":[1e400000]}', 'too-many-digits', '1,000'],
])('%s is a dead letter at the first stage', async (_, body, reason, says) => {
  const dead = await fate(body)
  expect(dead).toMatchObject({ stage: 'add', reason })
  expect(dead?.explanation).toContain(says)
})

test('a result with too many digits is a dead letter at its stage', async () => {
  const long = '9'.repeat(1000)
  const numbers = Array.from({ length: 101 }, () => long).join(',')
  expect(await fate(`{"numbers":[${numbers}]}`)).toMatchObject({
    stage: 'multiply',
    reason: 'result-too-long',
  })
})

test.each([
  ['the square root of a negative', '{"numbers":[-5,-1,-7]}', { stage: 'square-root', reason: 'negative-root' }, 5],
  ['a sine past double’s range', '{"numbers":[1e400]}', { stage: 'sine', reason: 'past-double' }, 4],
])('%s is a dead letter at its stage, and the earlier rows stay', async (_, body, fateThere, earlier) => {
  const id = newMessageId()
  await pipeline.post('start', body, { 'message-id': id })
  await expect.poll(() => outcomeOf(id), wait).toMatchObject(fateThere)
  const { rows } = await pipeline.database.query('select from results where message_id = $1 and reason is null', [id])
  expect(rows).toHaveLength(earlier)
})

test('a body on a later topic without a required field is a dead letter that names the field', async () => {
  const dead = await fate('{"numbers":[1],"sum":1,"lcm":1}', 'stage6')
  expect(dead).toMatchObject({ stage: 'square-root', reason: 'missing-field' })
  expect(dead?.explanation).toContain('product, average')
})

test('a body that exceeds the record limit with its result is a dead letter', async () => {
  const filler = 'x'.repeat(899_950)
  const dead = await fate(`{"numbers":[1.25,2.5,3.75,4.125],"note":"${filler}"}`)
  expect(dead).toMatchObject({ stage: 'add', reason: 'too-large' })
})

test.each([[{ 'message-id': 'not-a-uuid' }], [{ attempt: 'x' }], [{ traceparent: '00-zz-1-01' }], [{ 'sent-at': 'noon' }]])(
  'a message with a malformed header is processed all the same: %o',
  async (headers) => {
    const note = JSON.stringify(headers)
    await pipeline.post('start', JSON.stringify({ numbers: [4, 6], note }), headers)
    const finished = async () => {
      const { rows } = await pipeline.database.query(
        `select from results where stage = 'square-root' and attempt = 1 and strpos(body, $1) > 0`,
        [JSON.stringify(note)],
      )
      return rows.length
    }
    await expect.poll(finished, wait).toBe(1)
  },
)

test.each([
  [
    'throws',
    () => {
      throw new RangeError('it broke')
    },
    'stage-failed',
    'it broke',
  ],
  ['returns undefined', () => undefined, 'result-not-json', 'undefined'],
  ['returns NaN', () => ({ deep: [Number.NaN] }), 'result-not-json', 'NaN'],
  ['returns a BigInt', () => 1n, 'result-not-json', 'BigInt'],
])('a stage that %s gives a dead letter with the error as explanation', async (_, apply, reason, says) => {
  await using other = await freshPipeline()
  await using _stages = runStages(other, [{ name: 'broken', reads: 'start', adds: 'nothing', apply }])
  await other.post('start', '{"numbers":[1]}')
  const dead = async () => {
    const { rows } = await other.database.query('select stage, reason, explanation from dead_letters')
    return rows[0]
  }
  await expect.poll(dead, wait).toMatchObject({ stage: 'broken', reason, explanation: expect.stringContaining(says) })
})

test('the next message is processed, and all offsets are committed', async () => {
  expect(await fate('{"numbers":[76452,61211234,8243724]}')).toMatchObject({ stage: 'finish' })
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const topic = `${pipeline.config.TOPIC_PREFIX}start`
  const waiting = async () => {
    const [ends, [group]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId: `${pipeline.config.TOPIC_PREFIX}add`, topics: [topic] }),
    ])
    return Number(ends.find(({ partition }) => partition === 0)?.high) - Number(group?.partitions[0]?.offset)
  }
  await expect.poll(waiting, wait).toBe(0)
  await admin.disconnect()
})

test('product and lcm are exact, and the whole body is on `finish`', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[76452,61211234,8243724]}', { 'message-id': id })
  await expect.poll(() => outcomeOf(id), wait).toMatchObject({ stage: 'finish' })
  const { rows } = await pipeline.database.query<{ stage: string; result: string }>(
    'select stage, result from results where message_id = $1',
    [id],
  )
  const results = Object.fromEntries(rows.map(({ stage, result }) => [stage, result]))
  expect(results).toMatchObject({
    add: '69531410',
    multiply: '38578330478947144032',
    lcm: '69888279853165116',
    average: '23177136.666666668',
  })
})
