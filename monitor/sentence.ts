import { duration } from '../cli/render/duration.ts'
import { count } from '../stages/refusal.ts'
import type { Trends } from './trends.ts'
import type { Verdict } from './verdict.ts'

/** What the sentence is made of. */
export interface Findings extends Trends {
  readonly stage: string
  /** The command that starts a process of it. */
  readonly command: string
  readonly verdict: Verdict
  readonly waiting: number
  /** Seconds. */
  readonly oldest: number
  readonly members: number
  readonly partitions: number
  readonly assigned: number
  /** The partitions that are not OK. */
  readonly unwell: readonly string[]
}

/** What a person on call needs to know of a stage: how it is, in figures, and what helps. */
export function sentenceOf(findings: Findings): string {
  return `${findings.stage} ${sentences[findings.verdict](findings)}`
}

const sentences: Readonly<Record<Verdict, (findings: Findings) => string>> = {
  UNKNOWN: () => 'is unknown: its offsets cannot be read; are Kafka and its topic there?',
  STOPPED: (all) => `is stopped: ${waitingOf(all)}, and nobody runs it; start it: ${all.command}`,
  STALLED: (all) =>
    `is stalled: ${waitingOf(all)}; ${processes(all.members)} there and committed nothing for 30 s; its log says why`,
  'FALLING BEHIND': (all) => `is falling behind: ${waitingOf(all)}${growth(all)}; ${remedy(all)}`,
  'CATCHING UP': (all) => `is catching up: ${waitingOf(all)}${end(all)}`,
  OK: calm,
}

function waitingOf({ waiting, oldest, unwell, partitions }: Findings): string {
  const hot = unwell.length === 1 && partitions > 1 ? `, all that is late on partition ${unwell[0]}` : ''
  return `${count(waiting)} waiting, oldest ${span(oldest)}${hot}`
}

function growth({ arrivals, served }: Findings): string {
  const more = (arrivals ?? 0) - (served ?? 0)
  return more > 0 ? `, +${perSecond(more)}` : ''
}

function end({ drain }: Findings): string {
  return drain === null ? '' : `, done in about ${span(Math.ceil(drain))}`
}

function remedy({ assigned, partitions, members, unwell }: Findings): string {
  if (assigned === 0) return 'its processes are still sharing out the partitions'
  if (assigned < partitions) return `${assigned} of ${partitions} partitions have a consumer, add replicas`
  if (members < partitions && unwell.length > 1) {
    return `${members} of at most ${partitions} replicas ${members === 1 ? 'runs' : 'run'}, add replicas`
  }
  return unwell.length === 1 && partitions > 1
    ? 'one partition gets more than its share: spread the records'
    : 'every partition has a consumer of its own: make it faster, or add partitions'
}

function calm({ waiting, members, served, oldest }: Findings): string {
  const nobody = members === 0 ? ', and nobody runs it' : ''
  if (waiting > 0) return `keeps up: ${count(waiting)} waiting, oldest ${span(oldest)}`
  return served !== null && served > 0
    ? `keeps up: nothing waits, ${perSecond(served)}`
    : `is idle: nothing waits${nobody}`
}

/** Seconds; between ten and sixty nobody needs tenths. */
function span(seconds: number): string {
  return seconds >= 10 && seconds < 59.5 ? `${Math.round(seconds)} s` : duration(seconds * 1000)
}

function processes(members: number): string {
  return members === 1 ? '1 process is' : `${count(members)} processes are`
}

/** "0.4/s", "22/s", "1,240/s" */
function perSecond(rate: number): string {
  return `${rate < 10 ? String(Number(rate.toFixed(1))) : count(Math.round(rate))}/s`
}
