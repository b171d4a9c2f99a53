import { expect, test } from 'vitest'
import { failure, pass, warning } from '../doctor/finding.ts'
import { renderFinding, renderTotals } from './doctor.ts'

const away = failure('kafka', 'Kafka at localhost:19092 does not answer', 'start `npm run demo`')

test('each status has a sign of its own', () => {
  expect(renderFinding(pass('node', 'Node 24.21.0 runs this'), 80)).toBe('✓ node: Node 24.21.0 runs this.')
  expect(renderFinding(warning('lag', 'Much waits', 'wait'), 80)).toBe('! lag: Much waits: wait.')
  expect(renderFinding(away, 80)).toBe('✗ kafka: Kafka at localhost:19092 does not answer: start `npm run demo`.')
})

test('a line is wrapped at the width of the terminal', () => {
  const lines = renderFinding(away, 40).split('\n')
  expect(lines).toEqual(['✗ kafka: Kafka at localhost:19092 does', '  not answer: start `npm run demo`.'])
})

test('control sequences of a server are not printed', () => {
  expect(renderFinding(pass('grafana', 'Grafana \u001B[31m12'), 80)).toBe('✓ grafana: Grafana 12.')
})

test('the totals', () => {
  expect(renderTotals([away, pass('node', 'x'), away])).toBe('3 checks: 1 passed, no warning, 2 failures.')
  expect(renderTotals([away])).toBe('1 check: 0 passed, no warning, 1 failure.')
})
