import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { setGauges } from './report-output.ts'
import { history, messageAt, STEP, times, type Change } from '../test/support/data/backlog-history.fixture.ts'
import { monitoredGroups } from '../pipeline/route.ts'
import { report } from './report.ts'
import type { Sample, SlidingWindow } from './samples.ts'

const groups = monitoredGroups(readConfig({}), true)
const first = groups[0]?.name ?? ''

/** Samples of the first stage, with the seconds for which it was busy by then. */
function windowOf(changes: readonly Change[], busy: readonly number[], missing = 0): SlidingWindow {
  const whole = history(changes)
  const counts = { arrived: 0, entered: 9, processed: 4, dead: 1 }
  const messages = { entered: 9, finished: 4, dead: 1, duplicates: 0, unsent: 0 }
  return {
    samples: samplesOf(first, changes),
    ledgerSamples: busy.map((seconds, index) => ({
      at: whole[index]?.at ?? 0,
      totals: { messages, stages: new Map([[first, { ...counts, busy: seconds }]]) },
      missing: new Map([[first, missing]]),
    })),
  }
}

function samplesOf(name: string, changes: readonly Change[], partitions = 1): Sample[] {
  const whole = history(changes, partitions)
  return whole.map(({ at, wallMs, ...group }) => ({ at, wallMs, groups: new Map([[name, group]]) }))
}

/** The report of the first stage. */
function ofFirst(window: SlidingWindow, now = window.samples.at(-1)?.at ?? 0) {
  return report(groups, window, { now }).stages.find(({ stage }) => stage === first)
}

const utilisation = (changes: readonly Change[], busy: readonly number[]) => ofFirst(windowOf(changes, busy))?.utilisation

test('the bottleneck is the stage that is always busy', () => {
  expect(utilisation([{}, {}, {}], [100, 104.75, 109.5])).toBeCloseTo(0.95)
  expect(utilisation([{ members: 2 }, {}], [0, 10])).toBe(1)
})

test('a process without a partition does not lower utilisation', () => {
  // One partition.
  expect(utilisation([{ members: 3 }, {}, {}], [0, 4.75, 9.5])).toBeCloseTo(0.95)
})

test('without an earlier sample, or a process that could be busy, utilisation is unknown', () => {
  expect(utilisation([{}], [5])).toBeNull()
  expect(utilisation([{ members: 0 }, {}], [5, 9])).toBeNull()
  expect(utilisation([{}, {}], [5, 0])).toBeNull()
})

test('an old sample of the ledger is not reported', () => {
  const what = windowOf(
    times(14, () => ({})),
    times(14, () => ({})).map((_, index) => index),
    3,
  )
  const end = 13 * 5
  expect(ofFirst(what, end + 15)).toMatchObject({ missing: 3, utilisation: 0.2 })
  expect(report(groups, what, { now: end + 15 }).ledger).toMatchObject({
    entered: 9,
    finished: 4,
    missing: 3,
  })
  expect(ofFirst(what, end + 16)).toMatchObject({ missing: null, utilisation: null })
  expect(report(groups, what, { now: end + 16 }).ledger).toBeUndefined()
})

test('the oldest is as old as it was sampled; when a sample is overdue it grows older, until the stage is UNKNOWN', () => {
  const what = windowOf([{ waiting: 3, age: 10 }], [])
  expect(ofFirst(what, 5)).toMatchObject({ waiting: 3, oldest: 10, verdict: 'CATCHING UP' })
  expect(ofFirst(what, 9)).toMatchObject({ waiting: 3, oldest: 14, verdict: 'CATCHING UP' })
  expect(ofFirst(what, 16)?.verdict).toBe('UNKNOWN')
})

test.each([
  [1, `${first} is idle: nothing waits`],
  [0, `${first} is idle: nothing waits, and no process runs it`],
])('idle with %i processes: age 0 and drained, for as long as the clock runs', (members, sentence) => {
  const what = windowOf(
    times(2000, () => ({ members })),
    [],
  )
  for (let end = 1; end <= 2000; end += 37) {
    const lately = { ...what, samples: what.samples.slice(Math.max(0, end - 21), end) }
    const now = (end - 1) * STEP + 14
    expect(ofFirst(lately, now)).toMatchObject({ oldest: 0, waiting: 0, drain: 0, verdict: 'OK', sentence })
  }
})

test('the oldest message of a stage is that of its latest partition, also when it was read a while ago', () => {
  const what = (...changes: readonly Change[]): SlidingWindow => ({
    ...windowOf([], []),
    samples: samplesOf(first, changes, 3),
  })
  const late = { waiting: [0, 5, 2], committed: [9, 4, 7], age: [0, 3, 30] }
  expect(ofFirst(what(late))?.oldestMessage).toBe(messageAt(2, 7))
  expect(ofFirst(what(late, { isUnreadable: true }))?.oldestMessage).toBe(messageAt(2, 7))
  expect(ofFirst(what(late, { committed: [9, 5, 8], isUnreadable: true }))?.oldestMessage).toBeNull()
  expect(ofFirst(what({}))?.oldestMessage).toBeNull()
})

test('the tracer is monitored like a stage, and is not part of the ledger', () => {
  const busy = Array.from({ length: 14 }, (_, second) => second)
  const what = windowOf(
    times(14, () => ({ waiting: 3 })),
    busy,
    3,
  )
  const stopped = times(14, () => ({ waiting: 5, members: 0 }))
  const samples = samplesOf('tracer', stopped).map(({ at, wallMs, groups: sampled }, index) => {
    return { at, wallMs, groups: new Map([...(what.samples[index]?.groups ?? []), ...sampled]) }
  })
  const { stages, ledger } = report(groups, { ...what, samples }, { now: 13 * STEP })
  expect(stages.at(-1)).toMatchObject({
    stage: 'tracer',
    position: groups.length,
    verdict: 'STOPPED',
    waiting: 5,
    missing: null,
    utilisation: null,
  })
  expect(ledger).toMatchObject({ missing: 3, in_flight: 1 })
  expect(monitoredGroups(readConfig({}), false).map(({ name }) => name)).not.toContain('tracer')
})

test('how many processes a stage wants is reported, also as a gauge, while it is known', async () => {
  const scaling = new Map([[first, { at: 0, wanted: 3, rates: [] }]])
  const { stages } = report(groups, windowOf([{}], [0]), { now: 0, scaling })
  expect(stages.map(({ wanted }) => wanted)).toEqual([3, ...groups.slice(1).map(() => null)])
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  const page = async (now: number) => {
    setGauges(report(groups, windowOf([{}], [0]), { now, scaling }), metrics)
    return (await metrics.page('')).text
  }
  expect(await page(0)).toContain(`\nthroughline_processes_wanted{stage="${first}",position="01"} 3\n`)
  expect(await page(16)).not.toMatch(/^throughline_processes_wanted\{/m)
})

test('a monitor that stands by shows nothing but that', async () => {
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  const page = async () => (await metrics.page('')).text
  let isActive = true
  const what = windowOf([{ waiting: 3 }], [0])
  metrics.onScrape(() => setGauges(isActive ? report(groups, what, { now: 0 }) : undefined, metrics))
  expect(await page()).toMatch(/^throughline_sampled_at_seconds\{/m)
  expect(await page()).toMatch(/^throughline_backlog_messages\{.*\} 3$/m)
  isActive = false
  const standby = await page()
  expect(standby).not.toMatch(/^throughline_(sampled_at|backlog|verdict|ledger)/m)
  expect(standby).toMatch(/^throughline_monitor_active\{.*\} 0$/m)
})
