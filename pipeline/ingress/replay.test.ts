import { expect, test } from 'vitest'
import type { Sender } from '../../kafka/producer.ts'
import type { Database } from '../../sql/database.ts'
import { readConfig } from '../config.ts'
import { routes as routesOf } from '../route.ts'
import { planRedrive, redrive, type RedriveFilter } from './replay.ts'

const routes = new Map(routesOf(readConfig({})).map((route) => [route.stage.name, route]))

/** Dead letters of lcm, one a millisecond; from the 400th on they are open. Notes what each query for a page begins after. */
function deadLetters(count: number) {
  const letters = Array.from({ length: count }, (_, at) => {
    const time = new Date(at + 1).toISOString()
    return { id: String(at), stage: 'lcm', reason: 'empty', state: at < 400 ? 'resolved' : 'open', diedAt: at + 1.5, time }
  })
  const pages: { since: number | undefined; found: number }[] = []
  const query = (_: string, [, , since, after]: [unknown, unknown, Date?, string?]) => {
    const isIn = ({ diedAt, time }: { diedAt: number; time: string }) =>
      diedAt >= (since?.getTime() ?? 0) && (after === undefined || time > after)
    const rows = letters.filter(isIn).slice(0, 500)
    pages.push({ since: since?.getTime(), found: rows.length })
    return Promise.resolve({ rows })
  }
  return { database: { query } as unknown as Database, pages }
}

test('a plan reads no further than to its limit', async () => {
  const { database, pages } = deadLetters(5000)
  const planOf = (filter: RedriveFilter) => planRedrive(database, filter, routes)
  expect(await planOf({ limit: 200 })).toMatchObject({ count: 200, isLimitReached: true, from: 401.5, until: 600.5 })
  expect(pages.splice(0)).toHaveLength(2)
  expect(await planOf({ limit: 4600 })).toMatchObject({ count: 4600, isLimitReached: true })
  expect(await planOf({ limit: 4601 })).toMatchObject({ count: 4600, isLimitReached: false })
})

test('a redrive reads from the first of the plan to its last, also when another has sent them all', async () => {
  const { database, pages } = deadLetters(5000)
  const plan = await planRedrive(database, { limit: 600 }, routes)
  pages.splice(0)
  const sentByOther = (text: string, values: [unknown, unknown, Date?, string?]) =>
    text.includes('from dead_letters\n') ? database.query(text, values) : Promise.resolve({ rows: [] })
  const sender = { send: () => Promise.resolve([]) } as unknown as Sender
  const servers = { database: { query: sentByOther } as unknown as Database, sender, routes }
  const progress = { sent: 0, refused: [] }
  await redrive({ ...plan, count: 700 }, servers, { progress, signal: new AbortController().signal })
  expect(pages).toEqual([
    { since: 401, found: 500 },
    { since: 401, found: 500 },
  ])
})
