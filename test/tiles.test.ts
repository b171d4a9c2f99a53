import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dashboards } from './grafana/dashboards.ts'
import { fillInPromql } from './grafana/fill-in.ts'
import { findProgram } from '../local/find-program.ts'
import { askPrometheus } from './support/ask-prometheus.ts'
import { backfilledPrometheus, type BackfilledPrometheus } from './support/backfilled-prometheus.ts'
import { madeUpHours } from './support/made-up-hours.ts'

const command = findProgram('prometheus')
const minute = 60
const begin = Math.floor(Date.now() / 1000) - 3600

const tiles = dashboards.flatMap(({ uid, panels }) =>
  panels.flatMap(({ type, title, targets: [target] }) =>
    type === 'stat' && target?.expr !== undefined
      ? [{ title: `${uid}/${title}`, expr: fillInPromql(target.expr, { stage: 'lcm' }) }]
      : [],
  ),
)

describe.skipIf(command === undefined)(
  'on a real Prometheus (skipped without one: PROMETHEUS_BIN or `prometheus` on the PATH)',
  () => {
    let prometheus: BackfilledPrometheus
    beforeAll(async () => {
      const wanted = new Set(JSON.stringify(tiles).match(/\w+/g))
      const hours = { begin, seconds: 10 * minute, step: 5, happening: () => ({}) }
      prometheus = await backfilledPrometheus(command ?? '', await madeUpHours(hours, wanted))
    })
    afterAll(() => prometheus?.[Symbol.asyncDispose]())

    /** What each tile shows then. */
    async function shown(second: number): Promise<Record<string, string | undefined>> {
      const shows = tiles.map(async ({ title, expr }) => {
        const { result } = (await askPrometheus(prometheus.port, 'query', {
          query: expr,
          time: String(second),
        })) as { result: { value: [number, string] }[] }
        expect({ title, series: result.length }).toEqual({ title, series: 1 })
        return [title, result[0]?.value[1]] as const
      })
      return Object.fromEntries(await Promise.all(shows))
    }

    test('every tile shows a number while somebody watches', async () => {
      const numbers = await shown(begin + 5 * minute)
      expect(Object.keys(numbers).length).toBeGreaterThan(8)
      expect(Object.entries(numbers).filter(([, value]) => value === 'NaN')).toEqual([])
      expect(numbers).toMatchObject({ 'stage/Is': '0' })
    })

    test('when nobody does any more, none shows what it was', async () => {
      const {
        'stage/Is': verdict,
        'pipeline/Finished': finished,
        ...others
      } = await shown(begin + 20 * minute)
      expect({ verdict, finished }).toEqual({ verdict: '5', finished: '0' })
      expect(Object.entries(others).filter(([, value]) => value !== 'NaN')).toEqual([])
    })
  },
)
