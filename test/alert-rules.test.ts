import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { findProgram } from '../local/find-program.ts'
import { tracerName } from '../pipeline/route.ts'
import { pipeline } from '../stages/index.ts'
import { backfilledPrometheus, type BackfilledPrometheus } from './support/backfilled-prometheus.ts'
import { firingAt } from './support/firing-rules.ts'
import { madeUpHours, type Happening } from './support/made-up-hours.ts'
import type { Fate } from './support/made-up-stages.ts'

const command = findProgram('prometheus')
const minute = 60
const hour = 3600
const alertRules = readRules()
const onPrometheus = alertRules.filter(({ data }) =>
  data.some(({ datasourceUid }) => datasourceUid === 'prometheus'),
)

/** Before everything that any rule looks back to. */
const begin = Math.floor(Date.now() / 1000) - 40 * hour

const names = [...pipeline.map(({ name }) => name), tracerName]

/** What befalls every stage, and the tracer. */
const everywhere = (fate: Partial<Fate>): Happening => ({
  fates: Object.fromEntries(names.map((name) => [name, fate])),
})

/**
 * Messages are there before the first process is. Another fault at each stage, from the sixth minute to the twelfth; much
 * later nobody watches for two minutes.
 */
function badDay(second: number): Happening {
  if (second < 20) return everywhere({ members: 0 })
  if (second > 25 * minute && second <= 27 * minute) return { unwatched: true }
  if (second < 5 * minute || second >= 12 * minute) return {}
  return {
    fates: {
      multiply: { members: 0 },
      tracer: { members: 0 },
      lcm: { serve: 0 },
      average: { arrive: 50, serve: 25 },
      sine: { arrive: second === 5 * minute ? 50_000 : 5, serve: 400 },
      'square-root': { seconds: 8, deadLetters: second === 7 * minute ? 3 : 0 },
    },
  }
}

/** Nothing comes for an hour, and after half of it nobody is there. */
const idle = begin + hour
const idleHour = (second: number): Happening =>
  everywhere({ arrive: 0, members: second < 30 * minute ? 1 : 0 })

/** Later still: from the tenth minute to the twentieth there are no partitions for the day after, later for one day only. */
const unready = begin + 36 * hour
const unreadyHour = (second: number): Happening => ({
  daysAhead: second < 10 * minute ? 3 : second < 20 * minute ? 0 : 1,
})

/** Long after that day: three are lost after two hours, two more after 26; in between the monitor is started anew. */
const losses = begin + 3 * hour
function losingDay(second: number): Happening {
  if (second === 5 * hour) return { unwatched: true }
  const missing = second < 2 * hour ? 0 : second < 26 * hour ? 3 : 5
  return { fates: { multiply: { missing } } }
}

describe.skipIf(command === undefined)(
  'on a real Prometheus (skipped without one: PROMETHEUS_BIN or `prometheus` on the PATH)',
  () => {
    let prometheus: BackfilledPrometheus
    beforeAll(async () => {
      const wanted = new Set(JSON.stringify(alertRules).match(/\w+/g))
      prometheus = await backfilledPrometheus(command ?? '', [
        ...(await madeUpHours({ begin, seconds: 30 * minute, step: 5, happening: badDay }, wanted)),
        ...(await madeUpHours({ begin: idle, seconds: hour, step: 15, happening: idleHour }, wanted)),
        ...(await madeUpHours(
          { begin: losses, seconds: 28 * hour, step: minute, happening: losingDay, only: 'monitor' },
          wanted,
        )),
        ...(await madeUpHours(
          { begin: unready, seconds: 30 * minute, step: 15, happening: unreadyHour, only: 'monitor' },
          wanted,
        )),
      ])
    })
    afterAll(() => prometheus?.[Symbol.asyncDispose]())

    /** All that fires then: the stages, or '' for an alert about none, by rule. */
    async function firing(second: number): Promise<Record<string, string[]>> {
      const found = await Promise.all(
        onPrometheus.map(async (rule) => [rule.uid, await firingAt(rule, second, prometheus.port)] as const),
      )
      return Object.fromEntries(found.filter(([, stages]) => stages.length > 0))
    }

    test('nobody is told anything of a system that has just been started, nor of a healthy one', async () => {
      for (let second = 0; second < 5 * minute; second += 5) expect(await firing(begin + second)).toEqual({})
    })

    test('each fault is told by its rules, at the stage where it is, and by no other', async () => {
      // No scrape made these hours, so a process that is gone is seen for five more minutes; in truth for none.
      expect(await firing(begin + 11.8 * minute)).toEqual({
        'stage-stopped': ['lcm', 'multiply', 'tracer'],
        'stage-falling-behind': ['average'],
        'backlog-high': ['sine'],
        'dead-letters': ['square-root'],
        'process-missing': ['multiply', 'tracer'],
        'end-to-end-slow': [''],
      })
    })

    test('when all is well again nothing fires', async () => {
      expect(await firing(begin + 24.5 * minute)).toEqual({})
    })

    test('in an idle hour nobody is told anything but that nobody is there', async () => {
      for (let second = 0; second < 30 * minute; second += minute)
        expect(await firing(idle + second)).toEqual({})
      expect(await firing(idle + 55 * minute)).toEqual({
        'process-missing': names.toSorted(),
      })
    })

    test('partitions that are missing for the day after are told, and nothing when there is one day', async () => {
      const isTold = async (minutes: number) =>
        (await firing(unready + minutes * minute))['partition-missing'] !== undefined
      expect(await isTold(9)).toBe(false)
      expect(await isTold(10.5)).toBe(false)
      expect(await isTold(12)).toBe(true)
      expect(await isTold(19)).toBe(true)
      expect(await isTold(21)).toBe(false)
      expect(await isTold(29)).toBe(false)
    })

    test('when nobody watches, that is told, and nothing else', async () => {
      expect(await firing(begin + 27 * minute)).toEqual({ 'nobody-watches': [''] })
      expect(await firing(begin + 29 * minute)).toEqual({})
      // Before the first hour nothing was ever scraped.
      expect(await firing(begin - hour)).toEqual({ 'nobody-watches': [''] })
    })

    test('what is lost is news for an hour, and not again when the monitor is started anew', async () => {
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
