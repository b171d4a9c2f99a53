import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dashboards } from './grafana/dashboards.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())
beforeEach(() => pipeline.database.query('truncate stage_samples, ledger_samples'))

/** Inserts a sample of every stage, in which 3 messages wait. */
async function insertSamples(verdict: string): Promise<void> {
  await pipeline.database.query(
    `insert into stage_samples (at, stage, waiting, arrivals_per_second, served_per_second, members, verdict, sentence)
     select now(), name, 3, 22, 22, 1, $1, 'so it is' from stages`,
    [verdict],
  )
}

/** The rows of the query of that refId in the node graph. */
async function drawn(name: 'nodes' | 'edges'): Promise<Record<string, unknown>[]> {
  const graph = dashboards.flatMap(({ panels }) => panels).find(({ type }) => type === 'nodeGraph')
  const sql = graph?.targets.find(({ refId }) => refId === name)?.rawSql ?? ''
  return (await pipeline.database.query<Record<string, unknown>>(sql)).rows
}

/** The columns of a node that have the value 1: its arcs. */
const arcsOf = (node: Record<string, unknown> = {}) =>
  Object.keys(node).filter((name) => name.startsWith('arc__') && node[name] === 1)

test('the node graph has the columns that Grafana expects, each stage with one full arc, and edges between its nodes', async () => {
  await insertSamples('FALLING BEHIND')
  await pipeline.database.query(
    `update stage_samples set waiting = 123456, arrivals_per_second = 4200.4, served_per_second = 0.44, verdict = 'STOPPED'
     where stage = 'lcm'`,
  )
  const nodes = await drawn('nodes')
  const stages = catalogue.map(({ name }) => name)
  expect(nodes.map(({ id }) => id)).toEqual(['Entered', ...stages, 'Finished'])
  expect(nodes.map(({ stage }) => stage)).toEqual([stages[0], ...stages, stages.at(-1)])
  const lcm = nodes.find(({ id }) => id === 'lcm')
  const text = { title: 'lcm', subtitle: 'STOPPED', mainstat: '123 k waiting', secondarystat: '0.4/s' }
  expect(lcm).toMatchObject({ ...text, fixedy: -10, noderadius: 32 })
  expect(nodes.map(arcsOf)).toEqual([
    [],
    ...stages.map((name) => [name === 'lcm' ? 'arc__stopped' : 'arc__falling_behind']),
    [],
  ])
  const edges = await drawn('edges')
  expect(edges.map(({ source, target }) => [source, target])).toEqual(
    nodes.slice(1).map(({ id }, index) => [nodes[index]?.['id'], id]),
  )
  const topic = (await pipeline.database.query<{ topic: string }>(`select topic from stages where name = 'lcm'`)).rows[0]
    ?.topic
  expect(edges[2]).toMatchObject({ id: 'lcm', mainstat: '4,200/s', secondarystat: topic })
  expect(edges.every(({ thickness }) => Number(thickness) >= 1 && Number(thickness) <= 4)).toBe(true)
})

test('the node graph shows the rate at which messages finish, the tracer at its end, and what is unknown without a number', async () => {
  expect((await drawn('nodes')).map(arcsOf)).toEqual([[], ...catalogue.map(() => ['arc__unknown']), []])
  expect((await drawn('nodes')).map(({ mainstat }) => mainstat)).toEqual(Array.from({ length: 8 }, () => null))
  await insertSamples('OK')
  await pipeline.database.query(
    `insert into stage_samples (at, stage, waiting, verdict, sentence)
     select max(at), 'tracer', 9, 'STOPPED', 'tracer is stopped' from stage_samples`,
  )
  await pipeline.database.query(`
    insert into ledger_samples (at, entered, in_flight, finished, dead, duplicates, missing)
    values (now() - interval '10 s', 0, 0, 100, 0, 0, 0), (now(), 0, 0, 600, 0, 0, 0)`)
  const nodes = await drawn('nodes')
  expect(nodes.at(-2)).toMatchObject({ id: 'Finished', mainstat: '50/s', secondarystat: null })
  expect(nodes.at(-1)).toMatchObject({ id: 'tracer', subtitle: 'STOPPED', mainstat: '9 waiting' })
  expect((await drawn('edges')).slice(-2)).toMatchObject([
    { source: catalogue.at(-1)?.name, target: 'Finished', mainstat: '50/s' },
    { source: 'Finished', target: 'tracer' },
  ])
})
