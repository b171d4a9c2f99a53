import { expect, test } from 'vitest'
import type { StageStatus, Status } from './read-status.ts'
import { renderStatus } from './render-status.ts'

const stage = (position: number, name: string, changes: Partial<StageStatus> = {}): StageStatus => ({
  position,
  stage: name,
  running: 1,
  done: 12_345_678,
  dead: 0,
  waiting: 0,
  waitMs: 3.21,
  workMs: 0.042,
  ...changes,
})

const status: Status = {
  stages: [
    stage(1, 'add'),
    stage(2, 'square-root', { running: 0, waiting: 1234, waitMs: null, workMs: null, dead: 7 }),
  ],
  entered: 12_345_690,
  finished: 12_345_678,
  inFlight: 5,
  dead: 7,
  endToEnd: { messages: 1204, p50Ms: 12.5, p95Ms: 18.6, p99Ms: 1240 },
}

test('a line for each stage, sums below, and what to do about a stage that nobody runs', () => {
  expect(renderStatus(status, { width: 80, color: false })).toBe(
    `   stage        running        done  dead  waiting     wait      work
1  add                1  12,345,678     0        0  3.21 ms  0.042 ms
2  square-root        0  12,345,678     7    1,234        -         -

entered 12,345,690   finished 12,345,678   in flight 5   dead 7
end to end   p50 12.5 ms   p95 18.6 ms   p99 1.24 s   (1,204 messages)
wait, work: medians of the last minute; end to end: of what finished in it
square-root has 1,234 waiting, and nobody runs it: npx throughline run square-root`,
  )
})

test('the table keeps to 80 columns whatever the name of a stage', () => {
  const long = { ...status, stages: [stage(1, 'a-stage-that-somebody-has-given-a-very-long-name')] }
  const lines = renderStatus(long, { width: 80, color: false }).split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('colour only when it is wanted', () => {
  expect(renderStatus(status, { width: 80, color: true })).toContain('\u001B[31m')
  expect(renderStatus(status, { width: 80, color: false })).not.toContain('\u001B')
})

test('nothing finished lately is said', () => {
  expect(renderStatus({ ...status, endToEnd: null }, { width: 80, color: false })).toContain(
    'end to end   nothing finished in the last minute',
  )
})
