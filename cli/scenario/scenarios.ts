import type { Verdict } from '../../monitor/verdict.ts'
import type { FaultName, FaultSetting } from '../../sql/scenarios.ts'
import { pipeline } from '../../stages/index.ts'
import { formatCount } from '../../stages/refusal.ts'
import type { Expectation } from './judge.ts'
import type { Load } from './load.ts'

export interface Scenario {
  readonly name: string
  /** What it does, as a sentence. */
  readonly about: string
  /** The stage that the fault is injected into, and that has to be well at the begin; undefined where it is about no single one. */
  readonly stage?: string
  readonly fault?: FaultName
  readonly setting?: FaultSetting
  /** How long the fault lasts; by default until all is seen, and no longer than the last expectation allows. */
  readonly seconds?: number
  /** Sends what the scenario needs, until the load's signal is aborted. */
  readonly send: (load: Load) => Promise<void>
  readonly expects: readonly Expectation[]
}

const entry = stageAt(1)
const [slow, stopped, flaky, hot] = [stageAt(3), stageAt(5), stageAt(2), stageAt(4)]

/** The name of the stage at a position; of a shorter pipeline the last. */
function stageAt(position: number): string {
  return (pipeline[position - 1] ?? pipeline.at(-1))?.name ?? ''
}

const BURST = 10_000
const DUPLICATES = 100
const FLAKY_BAD_SECONDS = 10

/** What has no result, with its reason and the stage that refuses it. */
const poisons = [
  { value: '', reason: 'empty', stage: entry },
  { value: Buffer.from([0xff, 0xfe]), reason: 'not-utf8', stage: entry },
  { value: '{"numbers":', reason: 'not-json', stage: entry },
  { value: '[1,2]', reason: 'not-an-object', stage: entry },
  { value: '{}', reason: 'missing-field', stage: entry },
  { value: '{"numbers":[4,-9]}', reason: 'negative-root', stage: 'square-root' },
] as const

const table = ['pipeline', 'How is every stage now?'] as const

/** FALLING BEHIND takes a trend of 10 s, and 30 s in which the partition was never empty; samples and reports are 5 s apart. */
const FALLING_BEHIND_WITHIN = 60

export const scenarios: readonly Scenario[] = [
  {
    name: 'slow-stage',
    about: `every message takes ${slow} half a second longer, and 3 a second enter on each of four partitions`,
    stage: slow,
    fault: 'slow',
    setting: { ms: 500 },
    send: (load) => load.steadily(3),
    expects: [
      verdictOf(slow, 'FALLING BEHIND', FALLING_BEHIND_WITHIN),
      alertOf(slow, 'Stage falling behind', FALLING_BEHIND_WITHIN + 55),
    ],
  },
  {
    name: 'stop-stage',
    about: `the processes of ${stopped} leave their consumer group while messages enter`,
    stage: stopped,
    fault: 'stop',
    send: (load) => load.steadily(1),
    expects: [verdictOf(stopped, 'STOPPED', 20), alertOf(stopped, 'Stage stopped or stalled', 65)],
  },
  {
    name: 'flaky-stage',
    about: `a tenth of the computations of ${flaky} fails once, and its batch is tried again`,
    stage: flaky,
    fault: 'flaky',
    setting: { share: 0.1 },
    send: (load) => load.steadily(3),
    expects: [
      {
        text: `at least 5 attempts of ${flaky} fail and are repeated`,
        panel: ['stage', 'Anything odd?'],
        within: 30,
        look: ({ effects }) => (effects !== null && effects >= 5 ? `${effects} were repeated` : undefined),
      },
      {
        text: `no message is dead, and the verdict of ${flaky} was bad for less than ${FLAKY_BAD_SECONDS} s`,
        panel: ['stage', 'How has it been?'],
        look: ({ ended, badSeconds }) =>
          ended.every(({ reason }) => reason === null) && badSeconds < FLAKY_BAD_SECONDS
            ? `none is dead, bad for ${Math.round(badSeconds)} s`
            : undefined,
      },
    ],
  },
  {
    name: 'poison',
    about: 'messages without a result arrive, as any client can post them',
    send: (load) => load.publish(poisons.map(({ value }) => Buffer.from(value))),
    expects: [
      ...poisons.map(({ reason, stage }): Expectation => ({
        text: `a dead letter at ${stage}: ${reason}`,
        panel: ['pipeline', 'Dead letters'],
        within: 20,
        look: ({ ended }) => ended.find((one) => one.reason === reason && one.stage === stage)?.id,
      })),
      alertOf(entry, 'Dead letters', 50),
    ],
  },
  {
    name: 'burst',
    about: `${formatCount(BURST)} messages enter at once`,
    send: (load) => load.submit(BURST),
    expects: [
      {
        text: `at least ${formatCount(BURST / 20)} more messages are in flight`,
        panel: ['pipeline', 'In flight'],
        within: 30,
        look({ totals: { entered, finished, dead } }) {
          const inFlight = entered - finished - dead
          return inFlight >= BURST / 20 ? `${formatCount(inFlight)} more` : undefined
        },
      },
    ],
  },
  {
    name: 'duplicates',
    about: `${DUPLICATES} messages are published twice`,
    send: (load) => load.submit(DUPLICATES, 2),
    expects: [
      {
        text: `${DUPLICATES} duplicates are dropped and counted`,
        panel: ['pipeline', 'Is every message accounted for?'],
        within: 20,
        look: ({ totals }) =>
          totals.duplicates >= DUPLICATES ? `${formatCount(totals.duplicates)} were dropped` : undefined,
      },
      {
        text: 'each message has one row at each stage',
        look: ({ sent, rows }) => (sent > 0 && rows === sent * pipeline.length ? `${formatCount(rows)} rows` : undefined),
      },
    ],
  },
  {
    name: 'database-away',
    about: `Postgres is killed, for 15 s by default, and messages arrive on the topic of ${entry} meanwhile`,
    fault: 'database-away',
    seconds: 15,
    async send(load) {
      await load.untilAway()
      await load.publish(Array.from({ length: 20 }, () => Buffer.from(load.body())))
    },
    expects: [
      { text: 'Postgres does not answer', within: 20, look: ({ wasAway }) => (wasAway ? 'it is away' : undefined) },
      {
        text: 'Postgres answers again',
        within: 60,
        followsEnd: true,
        look: ({ wasAway, isAway }) => (wasAway && !isAway ? 'it is back' : undefined),
      },
      {
        text: 'at least one stage process is not ready meanwhile',
        panel: ['stage', 'Anything odd?'],
        within: 60,
        followsEnd: true,
        look: ({ effects }) => (effects !== null && effects > 0 ? `not ready: ${effects}` : undefined),
      },
    ],
  },
  {
    name: 'hot-partition',
    about: `every message takes ${hot} 0.3 s longer, and 5 a second enter, all on partition 0`,
    stage: hot,
    fault: 'slow',
    setting: { ms: 300 },
    send: (load) => load.steadily(5, 1),
    expects: [
      {
        text: `the verdict of ${hot} is FALLING BEHIND, and its sentence names partition 0`,
        panel: ['stage', 'Summary, now'],
        within: FALLING_BEHIND_WITHIN,
        look({ stages }) {
          const { verdict, sentence } = stages.get(hot) ?? {}
          return verdict === 'FALLING BEHIND' && /on partition 0\b/.test(sentence ?? '') ? sentence : undefined
        },
      },
      alertOf(hot, 'Stage falling behind', FALLING_BEHIND_WITHIN + 55),
    ],
  },
]

function verdictOf(stage: string, verdict: Verdict, within: number): Expectation {
  return {
    text: `the verdict of ${stage} is ${verdict}`,
    panel: table,
    within,
    look({ stages }) {
      const now = stages.get(stage)
      return now?.verdict === verdict ? now.sentence : undefined
    },
  }
}

function alertOf(stage: string, alert: string, within: number): Expectation {
  return {
    text: `the alert "${alert}" fires for ${stage}`,
    panel: ['pipeline', 'Alerts delivered'],
    within,
    isAlert: true,
    look: ({ firing }) => (firing.some((one) => one.alert === alert && one.stage === stage) ? 'it fires' : undefined),
  }
}
