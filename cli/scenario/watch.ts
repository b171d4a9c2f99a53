import { isBad, type Verdict } from '../../monitor/verdict.ts'
import type { Config } from '../../pipeline/config.ts'
import { readLatestSamples, readMessageTotals, type MessageTotals } from '../../sql/read-status.ts'
import { countRows, readScenarioProgress, type EndedMessage } from '../../sql/scenarios.ts'
import { sleep } from '../../telemetry/wait-until.ts'
import { serverMistake, type Servers } from '../servers.ts'
import { observe, type Observation, type Sighting } from './judge.ts'
import type { Scenario } from './scenarios.ts'

const LOOK_EVERY_MS = 500
/** The monitor measures before it inserts. */
const SAMPLE_TAKES_MS = 1000

export interface ScenarioRun {
  readonly config: Config
  readonly servers: Servers
  /** Seconds that the fault lasts; undefined: until all is seen. */
  readonly seconds?: number | undefined
  /** Why alerts are not watched; undefined where Grafana answers. */
  readonly noAlerts?: string | undefined
  /** Ends the scenario early. */
  readonly signal: AbortSignal
  readonly onBegin: (sightings: readonly Sighting[]) => void
  readonly onSeen: (sighting: Sighting) => void
  /** Called after every look at the views. */
  readonly onLook: () => Promise<void>
}

/** A scenario that runs. */
export interface Running extends ScenarioRun {
  readonly scenario: Scenario
  readonly id: number
  readonly begun: number
  readonly before: MessageTotals
  /** Ids of messages that were sent and have not ended. */
  readonly pending: Set<string>
  readonly sent: string[]
  ended: EndedMessage[]
  /** When all of them were first seen to have ended after the fault, in milliseconds of Postgres. */
  endedAt: number | undefined
  observation: Observation
  sightings: readonly Sighting[]
  /** Whether the fault has ended. */
  isOver: boolean
  /** What went wrong while messages were sent. */
  failure: unknown
}

export const nothingSeen: Observation = {
  stages: new Map(),
  totals: { entered: 0, finished: 0, dead: 0, duplicates: 0 },
  missing: 0,
  effects: null,
  firing: [],
  seconds: 0,
  sent: 0,
  ended: [],
  rows: 0,
  isAway: false,
  wasAway: false,
  isSettled: false,
  badSeconds: 0,
}

/** Looks at the views again and again, until an observation says that it is enough, or so many seconds after the begin. */
export async function look(
  running: Running,
  isEnough: (observation: Observation) => boolean,
  until: number,
): Promise<void> {
  const { signal } = running
  while (!signal.aborted && running.failure === undefined) {
    running.observation = await readObservation(running)
    const { seconds } = running.observation
    const before = running.sightings
    running.sightings = observe(before, running.observation, seconds > until)
    for (const [index, sighting] of running.sightings.entries()) {
      if (sighting.after !== undefined && before[index]?.after === undefined) running.onSeen(sighting)
    }
    await running.onLook()
    if (isEnough(running.observation) || seconds > until) return
    await sleep(LOOK_EVERY_MS, signal)
  }
}

async function readObservation(running: Running): Promise<Observation> {
  const { servers, scenario, config, id, before, pending, sent, observation: last } = running
  const { database } = servers
  try {
    // Before the samples, which then are at least as new as it says.
    const { ended, readAt, sampledAt, hasEnded, ...progress } = await readScenarioProgress(database, id, [...pending])
    const [stages, totals] = await Promise.all([readLatestSamples(database), readMessageTotals(database)])
    const seconds = secondsOf(running)
    for (const { id: message } of ended) pending.delete(message)
    running.ended = [...running.ended, ...ended]
    const haveEnded = running.isOver && hasEnded && sent.length > 0 && pending.size === 0
    if (haveEnded) running.endedAt ??= readAt
    const isBadNow = isBad((stages.get(scenario.stage ?? '')?.verdict ?? 'OK') as Verdict)
    const changed = (name: 'entered' | 'finished' | 'dead' | 'duplicates') => totals[name] - before[name]
    return {
      ...progress,
      stages,
      totals: {
        entered: changed('entered'),
        finished: changed('finished'),
        dead: changed('dead'),
        duplicates: changed('duplicates'),
      },
      missing: stages.values().reduce((sum, { missing }) => sum + (missing ?? 0), 0),
      seconds,
      sent: sent.length,
      ended: running.ended,
      rows: sent.length > 0 && pending.size === 0 ? await countRows(database, sent) : 0,
      isAway: false,
      wasAway: last.wasAway,
      isSettled: haveEnded && (sampledAt ?? 0) > (running.endedAt ?? Infinity) + SAMPLE_TAKES_MS,
      badSeconds: last.badSeconds + (isBadNow ? seconds - last.seconds : 0),
    }
  } catch (error) {
    if (serverMistake(error, config) === undefined) throw error
    return { ...last, seconds: secondsOf(running), isAway: true, wasAway: true, isSettled: false }
  }
}

export function secondsOf({ begun }: Running): number {
  return (performance.now() - begun) / 1000
}
