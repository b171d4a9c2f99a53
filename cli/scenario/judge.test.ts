import { expect, test } from 'vitest'
import { afterwards, areMet, observe, type Expectation, type Observation } from './judge.ts'
import { renderExpected, renderJudgement, renderList, renderSeen } from '../commands/scenario.ts'
import { scenarios } from './scenarios.ts'
import { nothingSeen } from './watch.ts'

const isStopped: Expectation = {
  text: 'the verdict of lcm is STOPPED',
  panel: ['pipeline', 'How is every stage now?'],
  within: 20,
  look: ({ stages }) => (stages.get('lcm')?.verdict === 'STOPPED' ? 'it is stopped' : undefined),
}

const withVerdict = (verdict: string, changes: Partial<Observation> = {}): Observation => ({
  ...nothingSeen,
  stages: new Map([['lcm', { verdict, sentence: `lcm is ${verdict}` }]]),
  ...changes,
})

test('a signal is met at the first look that sees it in time, and stays met', () => {
  const none = observe([isStopped], withVerdict('OK', { seconds: 1 }))
  expect(areMet(none)).toBe(false)
  const seen = observe(none, withVerdict('STOPPED', { seconds: 7 }))
  expect(seen).toEqual([{ ...isStopped, after: 7, seen: 'it is stopped' }])
  expect(observe(seen, withVerdict('OK', { seconds: 9 }))).toEqual(seen)
  expect(areMet(seen)).toBe(true)
})

test('a signal that comes too late is not met', () => {
  expect(areMet(observe([isStopped], withVerdict('STOPPED', { seconds: 20 })))).toBe(true)
  expect(areMet(observe([isStopped], withVerdict('STOPPED', { seconds: 20.1, isSettled: true })))).toBe(false)
})

test('an alert that is not watched is no reason for a bad judgement', () => {
  const [alert] = observe([{ ...isStopped, unwatched: 'no Grafana' }], withVerdict('STOPPED', { seconds: 1 }))
  expect(alert).not.toHaveProperty('after')
  expect(areMet(alert === undefined ? [] : [alert])).toBe(true)
})

const ended = [
  { id: 'a', stage: null, reason: null },
  { id: 'b', stage: 'sine', reason: 'empty' },
]

test('the system is back when every message has ended, every stage is OK and none is missing, by one settled observation', () => {
  const back = withVerdict('OK', { sent: 2, ended, isSettled: true })
  const texts = (observation: Observation, isLast = true) =>
    observe(afterwards, observation, isLast).flatMap(({ seen }) => (seen === undefined ? [] : [seen]))
  expect(texts(back, false)).toEqual(['1 finished, 1 dead', 'all are OK', 'none is missing'])
  expect(texts({ ...back, isSettled: false })).toEqual([])
  expect(texts({ ...back, missing: 1 }, false)).toEqual([])
  expect(texts({ ...back, sent: 3 })).toEqual(['all are OK', 'none is missing'])
  expect(texts({ ...back, missing: 1 })).toEqual(['1 finished, 1 dead', 'all are OK'])
  expect(texts(withVerdict('CATCHING UP', { sent: 2, ended, isSettled: true }))).toEqual([
    '1 finished, 1 dead',
    'none is missing',
  ])
  // Without a monitor nothing is known of the stages.
  expect(texts({ ...back, stages: new Map() })).toEqual(['1 finished, 1 dead'])
})

test.each(scenarios)('nothing that $name expects is met when nothing happens', ({ expects }) => {
  const quiet: Observation = { ...nothingSeen, stages: new Map(scenarios.map(({ stage = 'add' }) => [stage, well])) }
  const met = observe(
    expects.filter(({ within }) => within !== undefined),
    quiet,
  ).filter(({ after }) => after !== undefined)
  expect(met).toEqual([])
})

const well = { verdict: 'OK', sentence: 'it keeps up' }

test('hot-partition is met by a sentence that names the partition, and by no other', () => {
  const { expects = [], stage = '' } = scenarios.find(({ name }) => name === 'hot-partition') ?? {}
  const met = (sentence: string) => {
    const stages = new Map([[stage, { verdict: 'FALLING BEHIND', sentence }]])
    return observe(expects.slice(0, 1), { ...nothingSeen, stages, seconds: 40 }).every(({ after }) => after !== undefined)
  }
  expect(met('it is falling behind: 9 waiting, oldest 8 s, all that is late on partition 0, +2/s')).toBe(true)
  expect(met('it is falling behind: 9 waiting, oldest 8 s, +2/s')).toBe(false)
})

test('what held while messages were in flight is not met when it holds no longer at the end', () => {
  const none: Expectation = { text: 'none is dead', look: (now) => (now.ended.length === 0 ? 'none is' : undefined) }
  const inFlight = observe([none, ...afterwards], withVerdict('OK', { sent: 2, seconds: 30 }))
  expect(inFlight.filter(({ after }) => after !== undefined)).toEqual([])
  const settled = withVerdict('OK', { sent: 2, ended, isSettled: true, seconds: 40 })
  expect(observe(inFlight, settled).filter(({ after }) => after !== undefined)).toEqual([])
  const last = observe(inFlight, { ...settled, seconds: 121 }, true)
  expect(last.map(({ after }) => after)).toEqual([undefined, 121, 121, 121])
})

test('flaky-stage is not met by a dead letter, or a verdict that was bad for long', () => {
  const { expects = [] } = scenarios.find(({ name }) => name === 'flaky-stage') ?? {}
  const met = (changes: Partial<Observation>) =>
    observe(expects.slice(1), withVerdict('OK', { isSettled: true, ...changes })).every(({ after }) => after !== undefined)
  expect(met({ badSeconds: 9 })).toBe(true)
  expect(met({ badSeconds: 10 })).toBe(false)
  expect(met({ ended })).toBe(false)
})

test.each([40, 80, 200])('every text fits a terminal of %i columns', (width) => {
  const sightings = [...scenarios.flatMap(({ expects }) => expects), ...afterwards]
  const seen = { ...isStopped, after: 7.4, seen: 'lcm is stopped: 5 waiting, and no process runs it' }
  const texts = [
    renderList(width),
    renderExpected([...sightings, { ...isStopped, unwatched: 'no Grafana at http://localhost:3000' }], width),
    renderSeen(seen, width),
    renderJudgement('stop-stage', [...sightings, seen], width),
  ]
  for (const line of texts.join('\n').split('\n')) expect(line.length).toBeLessThanOrEqual(width)
  expect(renderSeen(seen, 200)).toBe(`       7 s  ${isStopped.text}: ${seen.seen}`)
})

test('the judgement has a line for each expectation, and says how many are not met', () => {
  const seen = { ...isStopped, after: 7, seen: 'it is stopped' }
  const unwatched = { ...isStopped, text: 'an alert fires', unwatched: 'no Grafana' }
  expect(renderJudgement('stop-stage', [seen, isStopped, unwatched], 80).split('\n')).toEqual([
    'seen        expected',
    '7 s         the verdict of lcm is STOPPED',
    'NOT SEEN    the verdict of lcm is STOPPED',
    '-           an alert fires (not watched: no Grafana)',
    'stop-stage:  1 of 3 not seen',
  ])
  expect(renderJudgement('stop-stage', [seen, unwatched], 80)).toMatch(/all was seen, and the system is back$/)
})
