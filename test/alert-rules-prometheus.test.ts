import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { findProgram } from '../local/host-resources.ts'
import { tracerName } from '../pipeline/route.ts'
import { pipeline } from '../stages/index.ts'
import { startBackfilledPrometheus, type BackfilledPrometheus } from './support/telemetry/prometheus.ts'
import { firingByPrometheus } from './grafana/alert-evaluation.ts'
import { fakeScrapes, type Conditions } from './support/data/fake-scrapes.ts'
import type { Load } from './support/data/fake-queue.ts'

const command = findProgram('prometheus')
const minute = 60
const hour = 3600
const alertRules = readRules()
const onPrometheus = alertRules.filter(({ data }) => data.some(({ datasourceUid }) => datasourceUid === 'prometheus'))

/** Long enough ago for the longest range of any rule. */
const begin = Math.floor(Date.now() / 1000) - 40 * hour

const names = [...pipeline.map(({ name }) => name), tracerName]

/** One load for every stage and the tracer. */
const everywhere = (load: Partial<Load>): Conditions => ({
  loads: Object.fromEntries(names.map((name) => [name, load])),
})

/**
 * Messages arrive before the first process starts. From minute 5 to 12 each stage has another fault; from minute 25 to 27
 * the monitor is down.
 */
function badDay(second: number): Conditions {
  if (second < 20) return everywhere({ members: 0 })
  if (second > 25 * minute && second <= 27 * minute) return { isMonitorDown: true }
  if (second < 5 * minute || second >= 12 * minute) return {}
  return {
    loads: {
      multiply: { members: 0, arrive: second === 5 * minute ? 50_000 : 5 },
      tracer: { members: 0 },
      lcm: { serve: 0 },
      average: { arrive: 50, serve: 25 },
      sine: { arrive: second === 5 * minute ? 50_000 : 5, serve: 400 },
      'square-root': { seconds: 8, deadLetters: second === 7 * minute ? 3 : 0 },
    },
  }
}

/** No message arrives for an hour, and after half of it all processes are stopped. */
const idle = begin + hour
const idleHour = (second: number): Conditions => everywhere({ arrive: 0, members: second < 30 * minute ? 1 : 0 })

/** From minute 10 to 20 the next day has no partitions, then one day has. */
const unready = begin + 36 * hour
const unreadyHour = (second: number): Conditions => ({
  daysAhead: second < 10 * minute ? 3 : second < 20 * minute ? 0 : 1,
})

/** Three messages are lost after two hours and two more after 26; in between the monitor restarts. */
const losses = begin + 3 * hour
function losingDay(second: number): Conditions {
  if (second === 5 * hour) return { isMonitorDown: true }
  const missing = second < 2 * hour ? 0 : second < 26 * hour ? 3 : 5
  return { loads: { multiply: { missing } } }
}

describe.skipIf(command === undefined)(
  'on a real Prometheus (skipped without one: PROMETHEUS_BIN or `prometheus` on the PATH)',
  () => {
    let prometheus: BackfilledPrometheus
    beforeAll(async () => {
      const wanted = new Set(JSON.stringify(alertRules).match(/\w+/g))
      prometheus = await startBackfilledPrometheus(command ?? '', [
        ...(await fakeScrapes({ begin, seconds: 30 * minute, step: 5, conditionsAt: badDay }, wanted)),
        ...(await fakeScrapes({ begin: idle, seconds: hour, step: 15, conditionsAt: idleHour }, wanted)),
        ...(await fakeScrapes(
          { begin: losses, seconds: 28 * hour, step: minute, conditionsAt: losingDay, only: 'monitor' },
          wanted,
        )),
        ...(await fakeScrapes(
          { begin: unready, seconds: 30 * minute, step: 15, conditionsAt: unreadyHour, only: 'monitor' },
          wanted,
        )),
      ])
    })
    afterAll(() => prometheus?.[Symbol.asyncDispose]())

    /** The firing alerts at a time: stages, or '' for an alert without one, by rule. */
    async function firing(second: number): Promise<Record<string, string[]>> {
      const found = await Promise.all(
        onPrometheus.map(async (rule) => [rule.uid, await firingByPrometheus(rule, second, prometheus.port)] as const),
      )
      return Object.fromEntries(found.filter(([, stages]) => stages.length > 0))
    }

    test('no alert fires while the system starts, nor while it is healthy', async () => {
      for (let second = 0; second < 5 * minute; second += 5) expect(await firing(begin + second)).toEqual({})
    })

    test('each fault fires one rule, for its stage, and no others', async () => {
      // Imported samples have no staleness markers, so a stopped process is visible for five more minutes.
      expect(await firing(begin + 11.8 * minute)).toEqual({
        'stage-stopped': ['lcm', 'multiply', 'tracer'],
        'stage-falling-behind': ['average'],
        'backlog-high': ['sine'],
        'dead-letters': ['square-root'],
        'end-to-end-slow': [''],
      })
    })

    test('no alert fires after the faults', async () => {
      expect(await firing(begin + 24.5 * minute)).toEqual({})
    })

    test('in an idle hour only missing processes fire', async () => {
      for (let second = 0; second < 30 * minute; second += minute) expect(await firing(idle + second)).toEqual({})
      expect(await firing(idle + 55 * minute)).toEqual({
        'process-missing': names.toSorted(),
      })
    })

    test('missing partitions of the next day fire, and one day of partitions does not', async () => {
      const isFiring = async (minutes: number) =>
        (await firing(unready + minutes * minute))['partition-missing'] !== undefined
      expect(await isFiring(9)).toBe(false)
      expect(await isFiring(10.5)).toBe(false)
      expect(await isFiring(12)).toBe(true)
      expect(await isFiring(19)).toBe(true)
      expect(await isFiring(21)).toBe(false)
      expect(await isFiring(29)).toBe(false)
    })

    test('without the monitor only that fires', async () => {
      expect(await firing(begin + 27 * minute)).toEqual({ 'monitor-down': [''] })
      expect(await firing(begin + 29 * minute)).toEqual({})
      // Nothing was scraped at this time.
      expect(await firing(begin - hour)).toEqual({ 'monitor-down': [''] })
    })

    test('lost messages fire for an hour, and not again after a restart of the monitor', async () => {
      const missing = async (hours: number) => (await firing(losses + hours * hour))['messages-missing']
      expect(await missing(1.9)).toBeUndefined()
      expect(await missing(2.1)).toEqual(['multiply'])
      expect(await missing(2.9)).toEqual(['multiply'])
      expect(await missing(3.2)).toBeUndefined()
      for (let later = 5; later < 6.5; later += 0.05) expect(await missing(later)).toBeUndefined()
      expect(await missing(26.1)).toEqual(['multiply'])
      expect(await missing(27.2)).toBeUndefined()
    })
  },
)
