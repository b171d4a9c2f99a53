import { isBad, type Verdict } from '../../monitor/verdict.ts'
import type { Config } from '../../pipeline/config.ts'
import { readLatestSamples, readMessageTotals, type MessageTotals } from '../../sql/read-status.ts'
import { countRows, readScenarioProgress } from '../../sql/scenarios.ts'
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
  observation: Observation
  sightings: readonly Sighting[]
  /** Whether the fault has ended. */
  isOver: boolean
}

export const nothingSeen: Observation = {
  stages: new Map(),
  totals: { entered: 0, finished: 0, dead: 0, duplicates: 0, unsent: 0 },
  missing: 0,
  effects: null,
  firing: [],
  seconds: 0,
  sent: 0,
  ended: [],
  rows: 0,
  isAway: false,
  wasAway: false,
  endedAt: undefined,
  isSettled: false,
  badSeconds: 0,
}

interface LookOptions {
  /** Seconds after the begin. */
  readonly until: number
  readonly signal: AbortSignal
}

/** Looks at the views again and again, until an observation says that it is enough, the time is over, or the signal is aborted. */
export async function look(
  running: Running,
  isEnough: (observation: Observation) => boolean,
  { until, signal }: LookOptions,
): Promise<void> {
  while (!signal.aborted) {
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
    const endedIds = new Set(ended.map(({ id: message }) => message))
    const haveAllEnded = sent.length > 0 && pending.isSubsetOf(endedIds)
    const rows = haveAllEnded ? await countRows(database, sent) : 0
    // After the last query: where one fails, the next look reads the same messages again.
    for (const message of endedIds) pending.delete(message)
    const endedAt = last.endedAt ?? (running.isOver && hasEnded && haveAllEnded ? readAt : undefined)
    const isBadNow = isBad((stages.get(scenario.stage ?? '')?.verdict ?? 'OK') as Verdict)
    const names = Object.keys(before) as (keyof MessageTotals)[]
    return {
      ...progress,
      stages,
      totals: Object.fromEntries(names.map((name) => [name, totals[name] - before[name]])) as MessageTotals,
      missing: stages.values().reduce((sum, { missing }) => sum + (missing ?? 0), 0),
      seconds,
      sent: sent.length,
      ended: [...last.ended, ...ended],
      rows,
      isAway: false,
      wasAway: last.wasAway,
      endedAt,
      isSettled: (sampledAt ?? 0) > (endedAt ?? Infinity) + SAMPLE_TAKES_MS,
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
