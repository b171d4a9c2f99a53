import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { history, times, type Change } from '../test/support/data/backlog-history.fixture.ts'
import { seededRandom } from '../test/support/data/random.ts'
import { SECONDS, simulate, type Outcome, type Scenario } from '../test/support/data/scaling-simulation.ts'
import { decideScaling, processesWanted, type Scaling } from './processes-wanted.ts'
import type { StageSample } from './samples.ts'

const random = seededRandom(1)
const isIn = (second: number, from: number, to: number) => second >= from && second < to
const atOnce = (messages: number) => (second: number) => (second === 600 ? messages : 100)

/** Messages a second: now and then up to 30,000 within 20 s. */
const bursts = Array.from({ length: SECONDS }, () => 100)
for (let at = 0; at < SECONDS; at += Math.floor(20 + random() * 600)) {
  const size = 500 + random() * 30_000
  for (const second of Array.from({ length: 20 }, (_, index) => at + index)) bursts[second] = 100 + size / 20
}
const noise = bursts.map(() => 0.5 + random())

const step: Scenario = { arrivals: (second) => (isIn(second, 600, 3600) ? 3000 : 100) }
const stepServed = simulate(step).served

interface Expected {
  /** The most that may be wanted. */
  readonly most: number
  readonly changes: number
  /** Seconds for which messages may be late. */
  readonly late: number
}

/** An increase takes half a minute, a process 40 s until it works, each further doubling 60 s, and what waits then 60 s. */
const lateAfter = (doublings: number) => 30 + 40 + 60 * (doublings - 1) + 60

const scenarios: readonly (readonly [string, Scenario, Expected])[] = [
  ['300 a second: a process is always busy, and nothing waits', { arrivals: () => 300 }, { most: 1, changes: 0, late: 0 }],
  ['nothing arrives, 12 run', { arrivals: () => 0, processes: 12 }, { most: 12, changes: 4, late: 0 }],
  [
    '590 to 1,770 a second, 2.95 processes are busy',
    { arrivals: (second) => 1180 * (noise[second] ?? 1), processes: 3 },
    { most: 6, changes: 2, late: 60 },
  ],
  ['30,000 at once', { arrivals: atOnce(30_000) }, { most: 2, changes: 2, late: lateAfter(1) }],
  ['200,000 at once', { arrivals: atOnce(200_000) }, { most: 6, changes: 6, late: lateAfter(2) }],
  ['3,000 a second for 50 min, 7.5 are busy', step, { most: 12, changes: 8, late: 360 }],
  [
    'the stage after that one',
    { arrivals: (second) => stepServed[second] ?? 0, rate: () => 1500 },
    { most: 6, changes: 8, late: lateAfter(3) },
  ],
  [
    'from 100 to 3,000 a second and back in an hour',
    { arrivals: (second) => 100 + 2900 * Math.max(0, 1 - Math.abs(second - 3600) / 1800) },
    { most: 12, changes: 8, late: lateAfter(1) },
  ],
  [
    'bursts of up to 30,000 at random times',
    { arrivals: (second) => bursts[second] ?? 0 },
    { most: 4, changes: 10, late: lateAfter(1) },
  ],
  [
    '300 a second, each 8 times as slow from minute 20 on',
    { arrivals: () => 300, rate: (second) => (second < 1200 ? 400 : 50) },
    { most: 12, changes: 3, late: lateAfter(4) },
  ],
  [
    'a message keeps one of 3 processes busy for ever',
    { arrivals: () => 900, processes: 3, stuck: [1200, SECONDS] },
    { most: 3, changes: 0, late: SECONDS },
  ],
  [
    'a message keeps one of 3 processes busy for 10 min',
    { arrivals: () => 900, processes: 3, stuck: [1200, 1800] },
    { most: 12, changes: 4, late: 600 + lateAfter(3) },
  ],
  ['500 a second on one partition', { arrivals: () => 500, hot: 1 }, { most: 1, changes: 0, late: SECONDS }],
  [
    '2,000 a second, the database does 900',
    { arrivals: (second) => (second < 600 ? 300 : 2000), limit: 900 },
    { most: 12, changes: 3, late: SECONDS },
  ],
  [
    '900 a second, for 10 min no process runs',
    { arrivals: () => 900, processes: 3, down: [1200, 1800] },
    { most: 12, changes: 4, late: 600 + lateAfter(4) },
  ],
  [
    '100,000 at once, and the monitor is away for 10 min',
    { arrivals: atOnce(100_000), away: [620, 1220] },
    { most: 1, changes: 0, late: 340 },
  ],
  [
    '100,000 at once, and another monitor takes over',
    { arrivals: atOnce(100_000), away: [680, 740], isReplaced: true },
    { most: 3, changes: 3, late: lateAfter(1) },
  ],
]

function rowOf(name: string, { wanted, oldest, late }: Outcome): string {
  const all = wanted.map(({ at, processes }) => (at === 60 ? String(processes) : `${processes} at ${Math.round(at / 60)}`))
  return `| ${name} | ${all.join(', ')} | ${oldest} s | ${late} s |`
}

const page = readFileSync(join(import.meta.dirname, '..', 'deploy', 'scaling.md'), 'utf8').replaceAll(/ +\|/g, ' |')

test.each(scenarios)('%s', (name, scenario, { most, changes, late }) => {
  const outcome = simulate(scenario)
  const counts = outcome.wanted.map(({ processes }) => processes)
  if (process.env['PRINT_TABLE']) process.stdout.write(`${rowOf(name, outcome)}\n`)
  expect(Math.max(...counts)).toBeLessThanOrEqual(most)
  expect(counts.length - 1).toBeLessThanOrEqual(changes)
  expect(outcome.late).toBeLessThanOrEqual(late)
  // It never flaps: what goes down has not changed for ten minutes.
  const early = outcome.wanted.filter(({ at, processes }, index) => {
    const before = outcome.wanted[index - 1]
    return before !== undefined && processes < before.processes && at - before.at < 600
  })
  expect(early).toEqual([])
  expect(page).toContain(rowOf(name, outcome))
})

test('a second burst, after the processes of the first were given up, is served as fast', () => {
  const twice = simulate({ arrivals: (second) => (second === 600 || second === 2100 ? 200_000 : 100) })
  expect(twice.late).toBe(simulate({ arrivals: atOnce(200_000) }).late)
})

/** A stage that needs three processes, one decision for each sample; `work` is what its rows say of them. */
function decisions(
  changes: readonly Change[],
  partitions = 4,
  busy: (index: number) => number | undefined = (index) => index,
) {
  const samples = history(changes, partitions)
  let scaling: Scaling | undefined
  return samples.map(({ at }, index) => {
    const work = samples.slice(0, index + 1).flatMap((sample, each) => {
      const seconds = busy(each)
      return seconds === undefined ? [] : [{ at: sample.at, done: each * 100, busy: seconds }]
    })
    scaling = processesWanted(scaling, { history: samples.slice(0, index + 1), work }, 60)
    return { at, wanted: scaling?.wanted }
  })
}

test('for the first minute nothing is wanted, then what there is, of which partitions need no more than one each', () => {
  const found = decisions(times(20, (index) => ({ members: index < 5 ? 1 : 3 })))
  expect(found.filter(({ at }) => at < 60).map(({ wanted }) => wanted)).toEqual(Array.from({ length: 12 }, () => undefined))
  expect(new Set(found.slice(12).map(({ wanted }) => wanted))).toEqual(new Set([3]))
  expect(decisions(times(20, () => ({ members: 9 }))).at(-1)?.wanted).toBe(4)
  expect(decisions(times(20, () => ({ members: 0 }))).at(-1)?.wanted).toBe(1)
})

test('ten minutes with less to do lower it; while rows, or processes, are not there they do not', () => {
  const idle = (changes: Partial<Change>) =>
    times(260, (index) => (index < 20 ? { members: 3 } : { members: 3, ...changes }))
  expect(decisions(idle({})).at(-1)?.wanted).toBe(1)
  expect(decisions(idle({}), 4, (index) => (index < 20 ? index : undefined)).at(-1)?.wanted).toBe(3)
  expect(decisions(idle({ members: 0 })).at(-1)?.wanted).toBe(3)
  expect(decisions(idle({ waiting: 5 })).at(-1)?.wanted).toBe(3)
})

test('stages are decided on by their rows, so the tracer is not, and without rows nothing changes', () => {
  const groups = (stage: StageSample) => new Map(['add', 'tracer'].map((name) => [name, stage]))
  const samples = history(times(20, () => ({ members: 2 }))).map((stage) => ({
    at: stage.at,
    wallMs: stage.wallMs,
    groups: groups(stage),
  }))
  const totals = { arrived: 0, entered: 0, processed: 0, dead: 0, busy: 0 }
  const messages = { entered: 0, finished: 0, dead: 0, duplicates: 0, unsent: 0 }
  const ledgerSamples = samples.map(({ at }) => ({
    at,
    totals: { messages, stages: new Map([['add', totals]]) },
    missing: new Map(),
  }))
  const decided = decideScaling(new Map(), { samples, ledgerSamples }, 60)
  expect([...decided].map(([stage, { wanted }]) => [stage, wanted])).toEqual([['add', 1]])
  expect(decideScaling(decided, { samples, ledgerSamples: [] }, 60)).toEqual(decided)
})
