import { formatCount } from '../stages/refusal.ts'
import { duration } from '../telemetry/time.ts'
import type { Trends } from './samples.ts'
import type { Verdict } from './verdict.ts'

/** What the sentence about a stage is made of. */
export interface Findings extends Trends {
  readonly stage: string
  /** The command that starts a process of it. */
  readonly command: string
  readonly verdict: Verdict
  readonly waiting: number
  /** Age of the oldest message waiting, in seconds; 0 when nothing waits. */
  readonly oldest: number
  readonly members: number
  readonly partitions: readonly { readonly partition: string; readonly waiting: number; readonly oldest: number }[]
  /** Partitions that a member is assigned. */
  readonly assigned: number
  /** The partitions that are not OK. */
  readonly partitionsNotOk: readonly string[]
}

/** One sentence for the person on call: how the stage is, in figures, and what helps. */
export function sentenceOf(findings: Findings): string {
  return `${findings.stage} ${sentences[findings.verdict](findings)}`
}

const sentences: Readonly<Record<Verdict, (findings: Findings) => string>> = {
  UNKNOWN: () => 'is unknown: its offsets cannot be read; are Kafka and its topic there?',
  STOPPED: (all) => `is stopped: ${waitingOf(all)}, and no process runs it; start it: ${all.command}`,
  STALLED: (all) =>
    `is stalled: ${waitingOf(all)}; ${processes(all.members)} there and committed nothing for 30 s; its log says why`,
  'FALLING BEHIND': (all) => `is falling behind: ${waitingOf(all)}${growth(all)}; ${remedy(all)}`,
  'CATCHING UP': (all) =>
    `is catching up: ${waitingOf(all)}${all.drain === null ? '' : `, done in about ${span(Math.ceil(all.drain))}`}`,
  OK({ waiting, members, served, oldest }) {
    if (waiting > 0) return `keeps up: ${formatCount(waiting)} waiting, oldest ${span(oldest)}`
    if (served !== null && served > 0) return `keeps up: nothing waits, ${perSecond(served)}`
    return `is idle: nothing waits${members === 0 ? ', and no process runs it' : ''}`
  },
}

function waitingOf({ waiting, oldest, partitionsNotOk, partitions }: Findings): string {
  const hot =
    partitionsNotOk.length === 1 && partitions.length > 1 ? `, all that is late on partition ${partitionsNotOk[0]}` : ''
  return `${formatCount(waiting)} waiting, oldest ${span(oldest)}${hot}`
}

function growth({ arrivals, served }: Findings): string {
  const more = (arrivals ?? 0) - (served ?? 0)
  return more > 0 ? `, +${perSecond(more)}` : ''
}

function remedy({ assigned, partitions: { length: partitions }, members, partitionsNotOk }: Findings): string {
  if (assigned === 0) return 'its group is still rebalancing'
  if (assigned < partitions) return `${assigned} of ${partitions} partitions have a consumer, add replicas`
  if (members < partitions && partitionsNotOk.length > 1) {
    return `${members} of at most ${partitions} replicas ${members === 1 ? 'runs' : 'run'}, add replicas`
  }
  return partitionsNotOk.length === 1 && partitions > 1
    ? 'one partition gets more than its share: spread the records'
    : 'every partition has a consumer of its own: make it faster, or add partitions'
}

/** Between ten seconds and a minute without tenths. */
function span(seconds: number): string {
  return seconds >= 10 && seconds < 59.5 ? `${Math.round(seconds)} s` : duration(seconds * 1000)
}

function processes(members: number): string {
  return members === 1 ? '1 process is' : `${formatCount(members)} processes are`
}

function perSecond(rate: number): string {
  return `${formatRate(rate)}/s`
}

/** Messages a second: "0.4", "22", "1,240" */
export function formatRate(rate: number): string {
  return rate < 10 ? String(Number(rate.toFixed(1))) : formatCount(Math.round(rate))
}
