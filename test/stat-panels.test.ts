import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboards } from './grafana/dashboards.ts'
import { interpolatePromql } from './grafana/interpolate.ts'
import { findProgram } from '../local/host-resources.ts'
import { queryPrometheus, startBackfilledPrometheus, type BackfilledPrometheus } from './support/telemetry/prometheus.ts'
import { fakeScrapes, type Conditions } from './support/data/fake-scrapes.ts'

const command = findProgram('prometheus')
const minute = 60
const begin = Math.floor(Date.now() / 1000) - 3600

/** The stage of the panels has no process from minute 6 to 8, and then one that does nothing. */
function conditionsAt(second: number): Conditions {
  if (second < 6 * minute) return {}
  return { loads: { lcm: second < 8 * minute ? { members: 0 } : { serve: 0 } } }
}

const statPanels = dashboards.flatMap(({ uid, panels }) =>
  panels.flatMap(({ type, title, targets: [target] }) =>
    type === 'stat' && target?.expr !== undefined
      ? [{ title: `${uid}/${title}`, expr: interpolatePromql(target.expr, { stage: 'lcm' }) }]
      : [],
  ),
)

describe.skipIf(command === undefined)(
  'on a real Prometheus (skipped without one: PROMETHEUS_BIN or `prometheus` on the PATH)',
  () => {
    let prometheus: BackfilledPrometheus
    beforeAll(async () => {
      const wanted = new Set(JSON.stringify(statPanels).match(/\w+/g))
      const hours = { begin, seconds: 10 * minute, step: 5, conditionsAt }
      prometheus = await startBackfilledPrometheus(command ?? '', await fakeScrapes(hours, wanted))
    })
    afterAll(() => prometheus?.[Symbol.asyncDispose]())

    /** The value of each stat panel at a time. */
    async function shown(second: number): Promise<Record<string, string | undefined>> {
      const shows = statPanels.map(async ({ title, expr }) => {
        const { result } = (await queryPrometheus(prometheus.port, 'query', {
          query: expr,
          time: String(second),
        })) as { result: { value: [number, string] }[] }
        expect({ title, series: result.length }).toEqual({ title, series: 1 })
        return [title, result[0]?.value[1]] as const
      })
      return Object.fromEntries(await Promise.all(shows))
    }

    test('every stat panel shows a number while the monitor runs', async () => {
      const numbers = await shown(begin + 5 * minute)
      expect(Object.keys(numbers).length).toBeGreaterThan(6)
      expect(Object.entries(numbers).filter(([, value]) => value === 'NaN')).toEqual([])
      expect(numbers).toMatchObject({ 'stage/Is': '0' })
    })

    test('a stage without a process is shown as stopped, and one whose process does nothing as stalled', async () => {
      expect(await shown(begin + 7 * minute)).toMatchObject({ 'stage/Is': '4' })
      expect(await shown(begin + 9 * minute)).toMatchObject({ 'stage/Is': '3' })
    })

    test('after the monitor has stopped, no stat panel shows an old value', async () => {
      const { 'stage/Is': verdict, ...others } = await shown(begin + 20 * minute)
      expect(verdict).toBe('5')
      expect(Object.entries(others).filter(([, value]) => value !== 'NaN')).toEqual([])
    })
  },
)
