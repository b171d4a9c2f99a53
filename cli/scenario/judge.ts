import type { MessageTotals } from '../../sql/read-status.ts'
import type { EndedMessage, ScenarioProgress } from '../../sql/scenarios.ts'

/** What the views of Postgres say now; while Postgres is away what they said last. */
export interface Observation extends Pick<ScenarioProgress, 'effects' | 'firing'> {
  /** By the name of the stage, or `tracer`: the monitor's latest sample. Empty without a monitor. */
  readonly stages: ReadonlyMap<string, { readonly verdict: string; readonly sentence: string }>
  /** Changes of the totals since the scenario began. */
  readonly totals: MessageTotals
  readonly missing: number
  /** Seconds since the scenario began. */
  readonly seconds: number
  /** Messages that the scenario has sent. */
  readonly sent: number
  /** Those of them that have ended. */
  readonly ended: readonly EndedMessage[]
  /** Rows in `results` of all of them, once all have ended. */
  readonly rows: number
  readonly isAway: boolean
  readonly wasAway: boolean
  /** When the fault was over and every message that was sent had ended, in milliseconds of Postgres; undefined until then. */
  readonly endedAt: number | undefined
  /** Whether the fault is over, every message that was sent has ended, and the samples of the stages are newer than that. */
  readonly isSettled: boolean
  /** Seconds for which the verdict of the scenario's stage was bad. */
  readonly badSeconds: number
}

/** A signal that a scenario brings about. */
export interface Expectation {
  /** A sentence without its full stop. */
  readonly text: string
  /** The dashboard and the title of the panel that shows it. */
  readonly panel?: readonly [dashboard: string, title: string]
  /** Seconds after the begin; undefined for what is expected once the fault is over. */
  readonly within?: number
  /** Only Grafana can bring it about. */
  readonly isAlert?: true
  /** The end of the fault brings it about, so that a longer fault makes it later. */
  readonly followsEnd?: true
  /** What is seen of it; undefined while it is not there. */
  readonly look: (observation: Observation) => string | undefined
}

/** An expectation, and when it was met. */
export interface Sighting extends Expectation {
  /** Seconds after the begin; undefined until then. */
  readonly after?: number
  /** What was seen. */
  readonly seen?: string
  /** Why it is not watched. */
  readonly unwatched?: string
}

/**
 * The same sightings, with those that are met now. What is expected once the fault is over is met by one settled observation, all
 * of it at once; only the last observation is judged one by one, to say what is not met.
 */
export function observe(sightings: readonly Sighting[], observation: Observation, isLast = false): Sighting[] {
  const { seconds, isSettled } = observation
  const looked = sightings.map((sighting): Sighting => {
    const { after, unwatched, within } = sighting
    const isDue = within === undefined ? isSettled : seconds <= within
    const seen = after === undefined && unwatched === undefined && isDue ? sighting.look(observation) : undefined
    return seen === undefined ? sighting : { ...sighting, after: seconds, seen }
  })
  const isJudged = isLast || areMet(looked.filter(isExpectedAfterwards))
  return isJudged ? looked : looked.map((now, index) => (isExpectedAfterwards(now) ? (sightings[index] ?? now) : now))
}

export function isExpectedAfterwards({ within }: Expectation): boolean {
  return within === undefined
}

/** Whether all of them are met, apart from those that are not watched. */
export function areMet(sightings: readonly Sighting[]): boolean {
  return sightings.every(({ after, unwatched }) => after !== undefined || unwatched !== undefined)
}

/** What every scenario expects once its fault is over: nothing is lost, and the system is back. */
export const afterwards: readonly Expectation[] = [
  {
    text: 'every message that it sent has ended',
    look({ sent, ended }) {
      const dead = ended.filter(({ reason }) => reason !== null).length
      return sent > 0 && ended.length === sent ? `${sent - dead} finished, ${dead} dead` : undefined
    },
  },
  {
    text: 'every stage is OK',
    panel: ['pipeline', 'How is every stage now?'],
    look: ({ stages }) =>
      stages.size > 0 && stages.values().every(({ verdict }) => verdict === 'OK') ? 'all are OK' : undefined,
  },
  {
    text: 'no message is missing',
    panel: ['pipeline', 'Is every message accounted for?'],
    look: ({ stages, missing }) => (stages.size > 0 && missing === 0 ? 'none is missing' : undefined),
  },
]
