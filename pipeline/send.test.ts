import { expect, test } from 'vitest'
import { receiptsOf, type Outgoing } from './requests.ts'
import { senderBy, type Settled } from './send.ts'

const record = (partition: number, text = ''): Outgoing => ({
  partition,
  key: null,
  value: text,
  headers: {},
})

const tooLarge = () => Object.assign(new Error('The request is too large'), { type: 'MESSAGE_TOO_LARGE' })

/** A broker that takes some partitions of a request and says only what is wrong with another. */
function broker(refusal: (record: Outgoing) => Error | undefined) {
  const log: Outgoing[] = []
  const requests: number[] = []
  const request = (_: string, records: readonly Outgoing[]) => {
    requests.push(records.length)
    const partitions = Map.groupBy(records, ({ partition }) => partition)
    let error: Error | undefined
    for (const some of partitions.values()) {
      const refused = some.map(refusal).find((reason) => reason !== undefined)
      if (refused === undefined) log.push(...some)
      error ??= refused
    }
    if (error !== undefined) return Promise.reject(error)
    return Promise.resolve(records.map(({ partition }) => ({ partition, offset: 0n, appendedAt: 0 })))
  }
  const limits = { maxRequestBytes: 1_000_000, deadlyRequestBytes: Number.POSITIVE_INFINITY }
  const sender = senderBy({ request, close: () => Promise.resolve() }, limits)
  const timesOf = (partition: number) => log.filter((each) => each.partition === partition).length
  return { sender, requests, timesOf }
}

test('while one partition fails the others are not sent again and again, and their receipts are kept', async () => {
  let isAway = true
  const { sender, timesOf } = broker(({ partition }) =>
    partition === 1 && isAway ? new Error('Not enough replicas') : undefined,
  )
  const records = [0, 1, 2, 1].map((partition) => record(partition))
  const settled: Settled = new Map()
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(sender.send('stage2', records, settled)).rejects.toThrow('Not enough replicas')
  }
  expect([0, 1, 2].map(timesOf)).toEqual([2, 0, 2])
  isAway = false
  const receipts = await sender.send('stage2', records, settled)
  expect(receipts.map((receipt) => receipt?.partition)).toEqual([0, 1, 2, 1])
  expect([0, 1, 2].map(timesOf)).toEqual([2, 2, 2])
})

test('who fails sends apart until it works, however well another one does on the same topic', async () => {
  let isAway = true
  const { sender, timesOf } = broker(({ partition }) =>
    partition === 1 && isAway ? new Error('Not enough replicas') : undefined,
  )
  const [mine, settled]: [Outgoing[], Settled] = [[record(0), record(1)], new Map()]
  for (let attempt = 0; attempt < 4; attempt += 1) {
    await expect(sender.send('stage2', mine, settled)).rejects.toThrow('Not enough replicas')
    await sender.send('stage2', [record(2), record(3)])
    await sender.send('stage2', [])
  }
  isAway = false
  await sender.send('stage2', mine, settled)
  expect([0, 1, 2, 3].map(timesOf)).toEqual([2, 1, 4, 4])
})

test('when all is well again, all partitions are in one request again', async () => {
  let isAway = true
  const { sender, requests } = broker(() => (isAway ? new Error('away') : undefined))
  const records = [record(0), record(1)]
  await expect(sender.send('stage2', records)).rejects.toThrow('away')
  isAway = false
  await sender.send('stage2', records)
  await sender.send('stage2', records)
  expect(requests).toEqual([2, 1, 1, 2])
})

test('on a topic that refuses records for their size only those are left out, and later nothing is there twice', async () => {
  const { sender, timesOf } = broker(({ value }) => (value === 'large' ? tooLarge() : undefined))
  const records = [record(0), record(1), record(1, 'large'), record(1)]
  const isThere = (receipts: readonly unknown[]) => receipts.map((receipt) => receipt !== undefined)
  expect(isThere(await sender.send('stage2', records))).toEqual([true, true, false, true])
  const before = timesOf(0)
  expect(isThere(await sender.send('stage2', records))).toEqual([true, true, false, true])
  expect(isThere(await sender.send('stage2', [record(0)]))).toEqual([true])
  expect(timesOf(0) - before).toBe(2)
  expect(timesOf(1)).toBe(4)
})

test('an answer that says nothing of a partition is no answer: its records may be nowhere', () => {
  const answer = { topicName: 'stage2', partition: 0, errorCode: 0, baseOffset: '7', logAppendTime: '-1' }
  expect(receiptsOf([answer], [record(0), record(0)]).map(({ offset }) => offset)).toEqual([7n, 8n])
  expect(() => receiptsOf([answer], [record(0), record(1)])).toThrow('partition 1')
})
