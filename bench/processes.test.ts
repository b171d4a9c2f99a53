import { expect, test } from 'vitest'
import { metricSum } from './processes.ts'

const page = `# HELP spans_lost_total Spans that were lost
# TYPE spans_lost_total counter
spans_lost_total{stage="add",reason="no room} left"} 12
spans_lost_total{stage="lcm",reason=""} 3 1700000000
spans_lost_total_more 100
plain 7
`

test('all series of a metric are added, and no others', () => {
  expect(metricSum(page, 'spans_lost_total')).toBe(15)
  expect(metricSum(page, 'plain')).toBe(7)
  expect(metricSum(page, 'spans')).toBe(0)
})
