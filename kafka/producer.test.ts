import { expect, test } from 'vitest'
import { metadataOf, noProgress, senderBy, type OutgoingRecord } from './producer.ts'

const record = (partition: number, text = '', more: Partial<OutgoingRecord> = {}): OutgoingRecord => ({
  partition,
  key: null,
  value: text,
  headers: {},
  ...more,
})

const tooLarge = () => Object.assign(new Error('The request is too large'), { type: 'MESSAGE_TOO_LARGE' })

const limits = { maxRequestBytes: 1_000_000, maxRequestBytesBeforeDisconnect: Number.POSITIVE_INFINITY }

/** A broker with a log for each partition, which refuses a request when it refuses one of its records. */
function broker(refusal: (record: OutgoingRecord) => Error | undefined, changes: Partial<typeof limits> = {}) {
  const log: OutgoingRecord[] = []
  const requests: number[] = []
  const on = (partition: number) => log.filter((each) => each.partition === partition)
  const request = (_: string, records: readonly OutgoingRecord[]) => {
    requests.push(records.length)
    const error = records.map(refusal).find((reason) => reason !== undefined)
    if (error !== undefined) return Promise.reject(error)
    const metadata = records.map((one) => {
      const offset = BigInt(on(one.partition).length)
      log.push(one)
      return { partition: one.partition, offset, appendedAt: 0 }
    })
    return Promise.resolve(metadata)
  }
  return { sender: senderBy(request, { ...limits, ...changes }), requests, on }
}

test('the first attempt is one request for all partitions, and the records of each are in order', async () => {
  const { sender, requests, on } = broker(() => undefined)
  const records = [2, 0, 2, 1].map((partition, index) => record(partition, String(index)))
  const metadata = await sender.send('stage2', records)
  expect(requests).toEqual([4])
  expect(on(2).map(({ value }) => value)).toEqual(['0', '2'])
  expect(metadata.map((one) => [one?.partition, one?.offset])).toEqual([
    [2, 0n],
    [0, 0n],
    [2, 1n],
    [1, 0n],
  ])
})

test('a partition that fails does not delay the others: each has a request of its own from the second attempt', async () => {
  let isAway = true
  const { sender, on } = broker(({ partition }) =>
    partition === 1 && isAway ? new Error('Not enough replicas') : undefined,
  )
  const records = [0, 1, 2, 1].map((partition) => record(partition))
  const progress = noProgress()
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(sender.send('stage2', records, progress)).rejects.toThrow('Not enough replicas')
    // A batch of another partition is not affected.
    await sender.send('stage2', [record(3)])
  }
  expect([0, 1, 2, 3].map((partition) => on(partition).length)).toEqual([1, 0, 1, 5])
  isAway = false
  const metadata = await sender.send('stage2', records, progress)
  expect(metadata.map((one) => one?.partition)).toEqual([0, 1, 2, 1])
  expect([0, 1, 2].map((partition) => on(partition).length)).toEqual([1, 2, 1])
})

test('only the records that are too large for their topic are left out, and the next request is whole again', async () => {
  const { sender, requests, on } = broker(({ value }) => (value === 'large' ? tooLarge() : undefined))
  const records = ['a', 'b', 'c', 'large', 'd', 'e', 'f', 'g'].map((text) => record(1, text))
  const metadata = await sender.send('stage2', records)
  expect(metadata.map((one) => one?.offset)).toEqual([0n, 1n, 2n, undefined, 3n, 4n, 5n, 6n])
  expect(on(1).map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  requests.length = 0
  await sender.send('stage2', [record(1), record(1)])
  expect(requests).toEqual([2])
})

test('the size of a record is that of its key, its value and every value of every header', async () => {
  const half = Buffer.alloc(5000)
  const sizes = {
    key: { key: half },
    value: { value: half },
    header: { headers: { one: half } },
    'one of several values of a header': { headers: { one: ['small', half] } },
  }
  for (const [part, more] of Object.entries(sizes)) {
    const { sender, requests } = broker(() => undefined, { maxRequestBytes: 10_000 })
    await sender.send('stage2', [record(0, '', more), record(0, '', more)])
    expect([part, requests]).toEqual([part, [1, 1]])
    const azure = broker(() => undefined, { maxRequestBytesBeforeDisconnect: 5000 })
    expect([part, await azure.sender.send('stage2', [record(0, '', more)]), azure.requests]).toEqual([
      part,
      [undefined],
      [],
    ])
  }
})

test('each record has the offset after the one before it on its partition, whatever the order of the answers', () => {
  const answers = [3, 0].map((partition) => ({
    topicName: 'stage2',
    partition,
    errorCode: 0,
    baseOffset: String(partition * 10),
    logAppendTime: '1700000000000',
  }))
  const metadata = metadataOf(answers, [record(0), record(3), record(0)])
  expect(metadata.map(({ partition, offset }) => [partition, offset])).toEqual([
    [0, 0n],
    [3, 30n],
    [0, 1n],
  ])
  expect(metadata[0]?.appendedAt).toBe(1_700_000_000_000)
})

test('an answer without a partition is an error: its records may be lost', () => {
  const answer = { topicName: 'stage2', partition: 0, errorCode: 0, baseOffset: '7', logAppendTime: '-1' }
  expect(metadataOf([answer], [record(0)])).toMatchObject([{ partition: 0, offset: 7n }])
  expect(() => metadataOf([answer], [record(0), record(1)])).toThrow('Kafka did not say')
})
