import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Status } from '../cli/render/render-status.ts'
import { createSender, type Sender } from '../kafka/producer.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { newMessageId } from '../pipeline/message.ts'
import { planRedrive, redrive, type RedriveProgress } from '../pipeline/ingress/replay.ts'
import { routes as routesOf } from '../pipeline/route.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/kafka-records.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

const EACH = 1000
const ALL = EACH * catalogue.length
const wait = { timeout: 300_000, interval: 250 }

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
  await using _stages = runStages(pipeline)
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[4,6]}', { 'message-id': id })
  await vi.waitUntil(async () => (await rowsOf('select from finished')).length === 1, wait)
  await insertDeadLetters(id)
}, 400_000)
afterAll(() => pipeline[Symbol.asyncDispose]())

const type = (...args: string[]) => throughline(args, { env: pipeline.env })

async function rowsOf(text: string, values: unknown[] = []) {
  return (await pipeline.database.query<Record<string, unknown>>(text, values)).rows
}

/** How many dead letters are in each state. */
async function states() {
  const rows = await rowsOf('select state, count(*)::int as count from dead_letters group by state')
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

/**
 * Inserts dead letters of every stage, as if their messages had been posted there by hand in the last hour: each stage has refused
 * what it got of this message. One in four has another reason.
 */
async function insertDeadLetters(id: string): Promise<void> {
  await pipeline.database.query(
    `with made as materialized (
       select uuidv7() as id, name, n, (n % 4)::int as partition, now() - interval '1 h' + n * interval '1 s' as at, coalesce(
         (select body from results r join stages before on before.name = r.stage
          where r.message_id = $1 and before.position = stages.position - 1),
         '{"numbers":[4,6]}'
       ) as received
       from stages, generate_series(1, $2::int) n
     ), entered as (
       insert into inputs (message_id, created_at, partition, stage) select id, at, partition, name from made
     ), letters as (
       insert into results (message_id, entered_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage,
         reason, explanation, headers, record_value)
       select id, at, at, at, at, n, partition, 1, name, case when partition = 0 then 'too-large' else 'stage-failed' end,
         'It broke.', '{"colour":"blue"}', convert_to(received, 'UTF8')
       from made
     )
     insert into counters (stage, partition, target, entered, dead)
     select name, partition, 'of the test', count(*), count(*) from made group by name, partition`,
    [id, EACH],
  )
}

test('what to choose is checked before anything is sent', async () => {
  const complaint = async (...args: string[]) => {
    const { code, stdout, stderr } = await type('replay', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    return stderr
  }
  const id = newMessageId()
  expect(await complaint()).toBe(
    'Which messages? Give their ids, or choose dead letters by --stage, --reason or --since.\n',
  )
  expect(await complaint('--limit', '5')).toContain('Which messages?')
  expect(await complaint('--stage', 'divide')).toContain('There is no stage "divide".')
  expect(await complaint('--reason', 'boredom')).toContain('There is no reason "boredom". The reasons are empty, ')
  expect(await complaint('--since', 'yesterday')).toContain('Expected a duration such as 30m, 2h or 7d')
  expect(await complaint('--since', '1h', '--from', 'add')).toContain('--from needs ids')
  expect(await complaint(id, '--since', '1h')).toContain('With ids only --from may be given')
})

test('without a terminal the preview is printed and nothing is sent', async () => {
  const all = await type('replay', '--since', '2h')
  expect(all).toMatchObject({ code: 2, stderr: 'Nothing was sent: without a terminal it needs --yes.\n' })
  expect(all.stdout).toMatch(/^6,000 messages, dead from 20.*Z to 20.*Z:\nmessages {2}stage {8}reason\n/)
  for (const { name } of catalogue) expect(all.stdout).toMatch(new RegExp(` 750 {2}${name} +stage-failed\n`))
  expect(all.stdout.match(/ 250 {2}.* too-large\n/g)).toHaveLength(catalogue.length)
  const some = await type('replay', '--stage', '3', '--reason', 'too-large', '--since', '2h', '--limit', '100')
  expect(some.stdout).toMatch(
    /^100 messages, .*\n.*\n +100 {2}lcm {4}too-large\n--limit is reached: there may be more\.\n$/,
  )
  const [{ at } = {}] = await rowsOf(`select computed_at as at from dead_letters where stage = 'lcm' and "offset" = 601`)
  expect((await type('replay', '--stage', 'lcm', '--since', (at as Date).toISOString())).stdout).toMatch(/^400 messages, /)
  expect(await rowsOf('select from replays')).toEqual([])
})

test('the oldest are sent first, and those in replay are not sent again', async () => {
  const first = await type('replay', '--stage', 'lcm', '--since', '2h', '--limit', '300', '--yes')
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/\n--limit is reached: there may be more\.\n300 of 300 messages sent\.\n$/)
  const [newest] = await rowsOf(
    `select max("offset")::int as newest from results where message_id in (select message_id from replays)`,
  )
  expect(newest).toEqual({ newest: 300 })
  const second = await type('replay', '--stage', 'lcm', '--since', '2h', '--yes')
  expect(second.stdout).toMatch(
    /^700 messages, [\s\S]*\n300 in replay already: not sent again\.\n700 of 700 messages sent\.\n$/,
  )
  expect(await type('replay', '--stage', 'lcm', '--since', '2h', '--yes')).toEqual({
    code: 0,
    stdout: 'No open dead letter matches.\n1,000 in replay already: not sent again.\n',
    stderr: '',
  })
  expect(await states()).toEqual({ open: ALL - EACH, 'in replay': EACH })
})

test('after an interruption what was sent is known, and the rest is open; so is what the broker refuses', async () => {
  await using opened = new AsyncDisposableStack()
  const kafkaSender = opened.adopt(createSender(pipeline.kafka, kafkaSettings(pipeline.config, 'test')), (one) =>
    one.close(),
  )
  const routes = new Map(routesOf(pipeline.config).map((route) => [route.stage.name, route]))
  const run = async (sender: Sender, limit?: number) => {
    const plan = await planRedrive(pipeline.database, { stage: 'add', limit }, routes)
    const progress: RedriveProgress = { sent: 0, refused: [] }
    const interrupted = new AbortController()
    const options = { progress, signal: interrupted.signal, onChunk: () => interrupted.abort() }
    await redrive(plan, { database: pipeline.database, sender, routes }, options)
    return { planned: plan.count, sent: progress.sent, refused: progress.refused.length }
  }
  const refusing: Sender = { ...kafkaSender, send: (_, records) => Promise.resolve(records.map(() => undefined)) }
  expect(await run(refusing, 3)).toEqual({ planned: 3, sent: 0, refused: 3 })
  expect(await states()).toEqual({ open: ALL - EACH, 'in replay': EACH })
  expect(await run(kafkaSender)).toEqual({ planned: EACH, sent: 500, refused: 0 })
  expect(await states()).toEqual({ open: ALL - EACH - 500, 'in replay': EACH + 500 })
})

test('of two commands at once each sends what the other does not', async () => {
  const both = await Promise.all([1, 2].map(() => type('replay', '--since', '2h', '--yes')))
  const sent = both.map(({ stdout }) => Number(/([\d,]+) of [\d,]+ messages sent/.exec(stdout)?.[1]?.replaceAll(',', '')))
  expect(sent.reduce((sum, each) => sum + each)).toBe(ALL - EACH - 500)
  expect(await states()).toEqual({ 'in replay': ALL })
  for (const { name, reads } of catalogue) {
    const ids = new Set<string>()
    const topic = pipeline.config.TOPIC_PREFIX + reads
    const records = await readTopic(pipeline.kafka, topic, ({ headers }) => ids.add(String(headers?.['message-id'])))
    // And the message of beforeAll.
    expect({ name, records, ids: ids.size }).toEqual({ name, records: EACH + 1, ids: EACH + 1 })
  }
})

test('1,000 from every stage give exactly one more row per message and later stage, and the ledger is balanced', async () => {
  await using _stages = runStages(pipeline)
  const finished = async () => (await rowsOf('select count(*)::int as count from finished where attempt = 2'))[0]?.['count']
  await expect.poll(finished, wait).toBe(ALL)
  const rows = await rowsOf(
    `select died.position as died, s.position, count(*)::int as count, count(distinct r.message_id)::int as messages,
       bool_and(r.headers = '{"colour":"blue"}' and r.partition = letter.partition) as "isSame"
     from results letter
     join stages died on died.name = letter.stage
     join results r on r.message_id = letter.message_id and r.attempt = 2 and r.reason is null
     join stages s on s.name = r.stage
     where letter.reason is not null and letter.attempt = 1 group by 1, 2 order by 1, 2`,
  )
  const expected = catalogue.flatMap((_, died) =>
    catalogue.slice(died).map((__, later) => {
      return { died: died + 1, position: died + later + 1, count: EACH, messages: EACH, isSame: true }
    }),
  )
  expect(rows).toEqual(expected)
  expect(await rowsOf('select from results where attempt > 2 or attempt = 2 and reason is not null')).toEqual([])
  expect(await states()).toEqual({ resolved: ALL })
  await using _monitor = runFastMonitor(pipeline)
  const ledger = () =>
    rowsOf(
      `select entered::int, in_flight::int, finished::int, dead::int, duplicates::int, missing::int
       from ledger_history order by at desc limit 1`,
    )
  // The message of beforeAll has entered and finished besides them.
  const balanced = { entered: 2 * ALL + 1, in_flight: 0, finished: ALL + 1, dead: ALL, duplicates: 0, missing: 0 }
  await expect.poll(ledger, wait).toEqual([balanced])
  const status = JSON.parse((await type('status', '--json')).stdout) as Status
  expect(status).toMatchObject({ dead: ALL, openDeadLetters: 0, inFlight: 0 })
}, 400_000)
