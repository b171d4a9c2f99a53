import { afterAll, beforeAll, expect, test } from 'vitest'
import { byteas, int2s, int4s, int8s, texts, timestamps, uuids } from '../sql/binary-array.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** What Postgres reads in an array that was sent in its binary format, element by element as text. */
async function readBy(type: string, array: Buffer): Promise<(string | null)[]> {
  const { rows } = await pipeline.database.query<{ value: string | null }>(
    `select value::text from unnest($1::${type}[]) with ordinality as t (value, number) order by number`,
    [array],
  )
  return rows.map(({ value }) => value)
}

test('Postgres reads what was written, nulls and extremes too', async () => {
  const id = '0190a5b6c7d87e8f90a1b2c3d4e5f607'
  expect(await readBy('uuid', uuids([id, null]))).toEqual(['0190a5b6-c7d8-7e8f-90a1-b2c3d4e5f607', null])
  expect(await readBy('int2', int2s([1, -32_768, 32_767, null]))).toEqual(['1', '-32768', '32767', null])
  expect(await readBy('int4', int4s([0, -2_147_483_648, 2_147_483_647]))).toEqual(['0', '-2147483648', '2147483647'])
  const large = ['0', '4294967295', '4294967296', '9007199254740991', '-1', '-4294967297', null]
  expect(await readBy('int8', int8s(large))).toEqual(large)
  const odd = ['', 'plain', 'é 🙂', '\u001f{}",\\NULL', null, 'null']
  expect(await readBy('text', texts(odd))).toEqual(odd)
  const bytes = [Buffer.from([0, 31, 255]), Buffer.alloc(0), null]
  expect(await readBy('bytea', byteas(bytes))).toEqual([String.raw`\x001fff`, String.raw`\x`, null])
})

test('a time keeps its microseconds, before the epochs too', async () => {
  const times = [1_700_000_000_123.457, 0, 946_684_799_999.999, 946_684_800_000, 4_102_444_800_000.001, null]
  expect(await readBy('timestamptz', timestamps(times))).toEqual([
    '2023-11-14 22:13:20.123457+00',
    '1970-01-01 00:00:00+00',
    '1999-12-31 23:59:59.999999+00',
    '2000-01-01 00:00:00+00',
    '2100-01-01 00:00:00.000001+00',
    null,
  ])
})

test('an empty array has no elements', async () => {
  expect(await readBy('uuid', uuids([]))).toEqual([])
  expect(await readBy('text', texts([]))).toEqual([])
  expect(await readBy('bytea', byteas([]))).toEqual([])
})
