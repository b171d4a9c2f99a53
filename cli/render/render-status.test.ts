import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { renderStatus, type StageStatus, type Status } from './render-status.ts'

beforeEach(() => void vi.stubEnv('FORCE_COLOR', '0'))
afterEach(() => vi.unstubAllEnvs())

const stage = (position: number, name: string, changes: Partial<StageStatus> = {}): StageStatus => ({
  position,
  stage: name,
  running: 1,
  done: 12_345_678,
  dead: 0,
  openDeadLetters: 0,
  duplicates: 0,
  waiting: 0,
  waitMs: 3.21,
  workMs: 0.042,
  verdict: 'OK',
  sentence: `${name} keeps up: nothing waits, 22/s`,
  oldest: 0,
  oldestMessage: null,
  arrivals: 22.4,
  served: 22.4,
  drain: 0,
  partitions: 4,
  assigned: 4,
  wanted: 1,
  utilisation: 0.031,
  ...changes,
})

const stopped = {
  running: 0,
  waiting: 1234,
  // Of messages before it stopped: not shown.
  waitMs: 3.21,
  workMs: 0.042,
  dead: 7,
  openDeadLetters: 3,
  verdict: 'STOPPED',
  sentence: 'square-root is stopped: 1,234 waiting, oldest 38 s, and no process runs it',
  oldest: 38,
  oldestMessage: '019a0000000070008000000000000001',
  served: 0,
  drain: null,
  assigned: 0,
  wanted: null,
  utilisation: null,
} as const

const status: Status = {
  stages: [stage(1, 'add'), stage(2, 'square-root', stopped)],
  tracer: null,
  entered: 12_345_690,
  finished: 12_345_678,
  inFlight: 5,
  dead: 7,
  openDeadLetters: 3,
  hasOlderDeadLetters: false,
  duplicates: 2,
  missing: 0,
  endToEnd: { messages: 1204, p50Ms: 12.5, p95Ms: 18.6, p99Ms: 1240 },
}

const sums = `
entered 12,345,690   finished 12,345,678   in flight 5   dead 7   missing 0
end to end   p50 12.5 ms   p95 18.6 ms   p99 1.24 s   (1,204 messages)
wait, work: medians of the last minute; end to end: of what finished in it
open dead letters: 3 (see \`throughline dead-letters\`)
square-root is stopped: 1,234 waiting, oldest 38 s, and no process runs it
  its oldest message is 019a0000000070008000000000000001`

test('a line for each stage, sums below, and what to do about a stage that is not well', () => {
  expect(renderStatus(status, 80)).toBe(
    `   stage        state    running  waiting  oldest     wait      work
1  add          OK             1        0    0 ms  3.21 ms  0.042 ms
2  square-root  STOPPED        0    1,234  38.0 s        -         -
${sums}`,
  )
})

test('a wide terminal shows more', () => {
  expect(renderStatus(status, 120)).toBe(
    `   stage        state    running  waiting  oldest     wait      work  in/s  out/s  drain  busy        done  dead  open
1  add          OK             1        0    0 ms  3.21 ms  0.042 ms    22     22   0 ms   3 %  12,345,678     0     0
2  square-root  STOPPED        0    1,234  38.0 s        -         -    22      0      -     -  12,345,678     7     3
${sums.replace('missing', 'duplicates 2   missing')}`,
  )
})

test('the tracer has a line of its own, without what only rows know', () => {
  const ofRows = { done: undefined, dead: undefined, openDeadLetters: undefined, waitMs: undefined, workMs: undefined }
  const tracer = {
    ...stage(3, 'tracer', stopped),
    ...ofRows,
    sentence: 'tracer is stopped',
    oldestMessage: null,
  }
  const lines = renderStatus({ ...status, tracer }, 120).split('\n')
  expect(lines[3]).toBe(
    '3  tracer       STOPPED        0    1,234  38.0 s        -         -    22      0      -     -           -     -     -',
  )
  expect(lines.at(-1)).toBe('tracer is stopped')
  expect(renderStatus({ ...status, tracer }, 80)).toContain('entered 12,345,690   finished')
})

test('a stage that wants more or fewer processes than it has says so', () => {
  const stages = [stage(1, 'add', { wanted: 3, running: 2 }), stage(2, 'multiply'), stage(3, 'lcm', { running: 2 })]
  const lines = renderStatus({ ...status, stages }, 80).split('\n')
  expect(lines.slice(-2)).toEqual(['add wants 3 processes, has 2', 'lcm wants 1 process, has 2'])
})

test('what only a monitor knows is not claimed without one', () => {
  const text = renderStatus({ ...status, missing: null }, 80)
  expect(text).not.toContain('missing')
  expect(text).toContain('no monitor runs: age and trend are unknown (start the process `monitor`)')
})

test.each([80, 120])('the table keeps to %i columns whatever the name of a stage', (width) => {
  const long = stage(1, 'a-stage-that-has-been-given-a-very-long-long-name', { verdict: 'FALLING BEHIND' })
  const lines = renderStatus({ ...status, stages: [long] }, width).split('\n')
  expect(Math.max(...lines.slice(0, 5).map((line) => line.length))).toBeLessThanOrEqual(width)
})

test('colour only when it is wanted', () => {
  expect(renderStatus(status, 80)).not.toContain('\u001B')
  vi.stubEnv('FORCE_COLOR', '1')
  expect(renderStatus(status, 80)).toContain('\u001B[31m')
})

test('without open dead letters there is no line about them', () => {
  expect(renderStatus({ ...status, openDeadLetters: 0 }, 80)).not.toContain('open dead letters')
})

test('where older dead letters are not counted, the number of open ones is said to be at least', () => {
  const lastLine = (open: number) =>
    renderStatus({ ...status, stages: [], openDeadLetters: open, hasOlderDeadLetters: true }, 80)
      .split('\n')
      .at(-1)
  expect(lastLine(3)).toBe('open dead letters: at least 3 (see `throughline dead-letters`)')
  expect(lastLine(0)).toBe('open dead letters: none of the latest 10,000; older ones are not counted')
})

test('nothing finished lately is said', () => {
  expect(renderStatus({ ...status, endToEnd: null }, 80)).toContain('end to end   nothing finished in the last minute')
})
