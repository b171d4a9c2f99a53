import { styleText } from 'node:util'
import { formatRate } from '../../monitor/report.ts'
import type { Verdict } from '../../monitor/verdict.ts'
import type { EndToEnd, LatestSample, MessageTotals, StageTotals } from '../../sql/read-status.ts'
import { countOf, formatCount } from '../../stages/refusal.ts'
import { duration } from '../../telemetry/time.ts'
import { tableLines, type Column } from './text.ts'

/**
 * The status of a stage, or of the tracer, by the broker's offsets and the monitor's latest sample. Without a monitor the
 * sample's numbers are null and verdict and sentence are what one reading tells.
 */
export interface GroupStatus extends Omit<LatestSample, 'verdict' | 'missing'> {
  readonly position: number
  /** The stage's name, or `tracer`. */
  readonly stage: string
  /** Members of its consumer group. */
  readonly running: number
  /** Messages in front of it, by the broker's offsets. */
  readonly waiting: number
  readonly verdict: Verdict
}

/** The status of a stage, which also has rows. */
export interface StageStatus extends GroupStatus, Pick<StageTotals, 'dead' | 'duplicates'> {
  /** Messages processed since the beginning. */
  readonly done: number
  /** Dead letters that are not sent again, resolved or given up, among the latest 10,000 of all stages. */
  readonly openDeadLetters: number
  /** Medians of the last minute, milliseconds; null when no message passed. */
  readonly waitMs: number | null
  readonly workMs: number | null
}

export interface Status extends Pick<MessageTotals, 'entered' | 'finished' | 'dead' | 'duplicates'> {
  /** In the order of the flow. */
  readonly stages: readonly StageStatus[]
  /** Null where no traces are exported. */
  readonly tracer: GroupStatus | null
  /** Also of stages that were removed, among the latest 10,000. */
  readonly openDeadLetters: number
  /** There are more than those 10,000: of the older ones, which are not counted, some may be open. */
  readonly hasOlderDeadLetters: boolean
  readonly inFlight: number
  /** Messages that wait by the rows and that the broker does not have; null without a monitor. */
  readonly missing: number | null
  /** Null when no message finished in the last minute. */
  readonly endToEnd: EndToEnd | null
}

/** A stage, or the tracer, which has no rows. */
type Row = GroupStatus & Partial<StageStatus>

/** Its medians of the last minute are of messages before that. */
const doesNothing = ({ verdict }: Row) => verdict === 'STOPPED' || verdict === 'STALLED'

const right = (title: string, cell: (row: Row) => string): Column<Row> => ({ title, align: 'right', cell })

const narrowColumns: readonly Column<Row>[] = [
  right('', ({ position }) => String(position)),
  { title: 'stage', shrinks: true, cell: ({ stage }) => stage },
  { title: 'state', cell: ({ verdict }) => verdict },
  right('running', ({ running }) => formatCount(running)),
  right('waiting', ({ waiting }) => formatCount(waiting)),
  right('oldest', ({ oldest }) => duration(oldest && oldest * 1000)),
  right('wait', (row) => duration(doesNothing(row) ? null : (row.waitMs ?? null))),
  right('work', (row) => duration(doesNothing(row) ? null : (row.workMs ?? null))),
]
const wideColumns: readonly Column<Row>[] = [
  right('in/s', ({ arrivals }) => orDash(arrivals, formatRate)),
  right('out/s', ({ served }) => orDash(served, formatRate)),
  right('drain', ({ drain }) => duration(drain && drain * 1000)),
  right('busy', ({ utilisation }) => orDash(utilisation, (share) => `${Math.round(share * 100)} %`)),
  right('done', ({ done }) => orDash(done, formatCount)),
  right('dead', ({ dead }) => orDash(dead, formatCount)),
  right('open', ({ openDeadLetters }) => orDash(openDeadLetters, formatCount)),
]

/** Characters in a line from which all columns fit. */
const WIDE = 120

/** A table with a line for each stage and the tracer, with sums below. In colour on a terminal. The text ends without a line end. */
export function renderStatus(status: Status, width: number): string {
  const isWide = width >= WIDE
  const columns = isWide ? [...narrowColumns, ...wideColumns] : narrowColumns
  const rows: readonly Row[] = groupsOf(status)
  const [titles = '', ...lines] = tableLines(columns, rows, width)
  const notOk = rows.filter(({ verdict }) => verdict !== 'OK')
  return [
    styleText('bold', titles),
    ...rows.map(({ verdict }, index) => styleText(styles[verdict], lines[index] ?? '')),
    '',
    ...sums(status, isWide),
    ...notOk.flatMap(({ verdict, sentence, oldestMessage }) => {
      const styled = styleText(styles[verdict], sentence)
      return oldestMessage === null ? [styled] : [styled, `  its oldest message is ${oldestMessage}`]
    }),
    ...rows
      .filter(({ wanted, running }) => wanted !== null && wanted !== running)
      .map(({ stage, wanted, running }) => `${stage} wants ${wanted} process${wanted === 1 ? '' : 'es'}, has ${running}`),
  ].join('\n')
}

/** The stages, and the tracer where there is one. */
export function groupsOf({ stages, tracer }: Status): readonly GroupStatus[] {
  return tracer === null ? stages : [...stages, tracer]
}

const styles = {
  UNKNOWN: 'magenta',
  STOPPED: 'red',
  STALLED: 'red',
  'FALLING BEHIND': 'red',
  'CATCHING UP': 'yellow',
  OK: 'reset',
} as const

function sums(status: Status, isWide: boolean): string[] {
  const { missing, openDeadLetters: open, hasOlderDeadLetters: hasOlder } = status
  const parts = [
    `entered ${formatCount(status.entered)}`,
    `finished ${formatCount(status.finished)}`,
    `in flight ${formatCount(status.inFlight)}`,
    `dead ${formatCount(status.dead)}`,
    isWide && `duplicates ${formatCount(status.duplicates)}`,
    missing !== null && styleText(missing > 0 ? 'red' : 'reset', `missing ${formatCount(missing)}`),
  ]
  const lines = [
    parts.filter(Boolean).join('   '),
    `end to end   ${endToEndLine(status.endToEnd)}`,
    styleText('dim', 'wait, work: medians of the last minute; end to end: of what finished in it'),
    missing === null && styleText('dim', 'no monitor runs: age and trend are unknown (start the process `monitor`)'),
    open > 0 && `open dead letters: ${hasOlder ? 'at least ' : ''}${formatCount(open)} (see \`throughline dead-letters\`)`,
    open === 0 && hasOlder && 'open dead letters: none of the latest 10,000; older ones are not counted',
  ]
  return lines.filter((line) => line !== false)
}

function orDash(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '-' : format(value)
}

function endToEndLine(times: EndToEnd | null): string {
  if (times === null) return 'nothing finished in the last minute'
  const { messages, p50Ms, p95Ms, p99Ms } = times
  return `p50 ${duration(p50Ms)}   p95 ${duration(p95Ms)}   p99 ${duration(p99Ms)}   (${countOf(messages, 'message')})`
}
