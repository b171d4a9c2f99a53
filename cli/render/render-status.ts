import { styleText } from 'node:util'
import type { Verdict } from '../../monitor/verdict.ts'
import type { EndToEnd, LatestSample, MessageTotals, StageTotals } from '../../sql/read-status.ts'
import { formatCount } from '../../stages/refusal.ts'
import { duration } from '../../telemetry/time.ts'
import { tableLines, type Column } from './table.ts'
import type { Terminal } from './terminal.ts'

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
export interface StageStatus extends GroupStatus, Omit<StageTotals, 'processed'> {
  /** Messages processed since the beginning. */
  readonly done: number
  /** Medians of the last minute, milliseconds; null when no message passed. */
  readonly waitMs: number | null
  readonly workMs: number | null
}

export interface Status extends MessageTotals {
  /** In the order of the flow. */
  readonly stages: readonly StageStatus[]
  /** Null where no traces are exported. */
  readonly tracer: GroupStatus | null
  readonly inFlight: number
  /** Messages that wait by the rows and that the broker does not have; null without a monitor. */
  readonly missing: number | null
  /** Null when no message finished in the last minute. */
  readonly endToEnd: EndToEnd | null
}

type Style = Parameters<typeof styleText>[0]

/** A stage, or the tracer, which has no rows. */
type Row = GroupStatus & Partial<StageStatus>

interface StatusColumn extends Column {
  readonly of: (row: Row) => string
}

const right = (title: string, of: StatusColumn['of']): StatusColumn => ({ title, align: 'right', of })

const narrowColumns: readonly StatusColumn[] = [
  right('', ({ position }) => String(position)),
  { title: 'stage', shrinks: true, of: ({ stage }) => stage },
  { title: 'state', of: ({ verdict }) => verdict },
  right('running', ({ running }) => formatCount(running)),
  right('waiting', ({ waiting }) => formatCount(waiting)),
  right('oldest', ({ oldest }) => duration(oldest === null ? null : oldest * 1000)),
  right('wait', ({ waitMs }) => duration(waitMs ?? null)),
  right('work', ({ workMs }) => duration(workMs ?? null)),
]
const wideColumns: readonly StatusColumn[] = [
  right('in/s', ({ arrivals }) => rate(arrivals)),
  right('out/s', ({ served }) => rate(served)),
  right('drain', ({ drain }) => duration(drain === null ? null : drain * 1000)),
  right('busy', ({ utilisation }) => (utilisation === null ? '-' : `${Math.round(utilisation * 100)} %`)),
  right('done', ({ done }) => countOrDash(done)),
  right('dead', ({ dead }) => countOrDash(dead)),
]

/** Characters in a line from which all columns fit. */
const WIDE = 120

/** A table with a line for each stage and the tracer, with sums below. The text ends without a line end. */
export function renderStatus(status: Status, { width, color }: Terminal): string {
  const paint = (style: Style, text: string) => (color ? styleText(style, text, { validateStream: false }) : text)
  const isWide = width >= WIDE
  const columns = isWide ? [...narrowColumns, ...wideColumns] : narrowColumns
  const stages: readonly Row[] = [...status.stages, ...(status.tracer ? [status.tracer] : [])]
  const rows = stages.map((stage) => columns.map(({ of }) => of(stage)))
  const [titles = '', ...lines] = tableLines(columns, rows, width)
  const notOk = stages.filter(({ verdict }) => verdict !== 'OK')
  return [
    paint('bold', titles),
    ...stages.map(({ verdict }, index) => paint(styles[verdict], lines[index] ?? '')),
    '',
    ...sums(status, isWide, paint),
    ...notOk.flatMap(({ verdict, sentence, oldestMessage }) => {
      const painted = paint(styles[verdict], sentence)
      return oldestMessage === null ? [painted] : [painted, `  its oldest message is ${oldestMessage}`]
    }),
  ].join('\n')
}

const styles: Readonly<Record<Verdict, Style>> = {
  UNKNOWN: 'magenta',
  STOPPED: 'red',
  STALLED: 'red',
  'FALLING BEHIND': 'red',
  'CATCHING UP': 'yellow',
  OK: 'reset',
}

function sums(
  { missing, endToEnd, ...sum }: Status,
  isWide: boolean,
  paint: (style: Style, text: string) => string,
): string[] {
  const parts = [
    `entered ${formatCount(sum.entered)}`,
    `finished ${formatCount(sum.finished)}`,
    `in flight ${formatCount(sum.inFlight)}`,
    `dead ${formatCount(sum.dead)}`,
    ...(isWide ? [`duplicates ${formatCount(sum.duplicates)}`] : []),
    ...(missing === null ? [] : [paint(missing > 0 ? 'red' : 'reset', `missing ${formatCount(missing)}`)]),
  ]
  const monitor = 'no monitor runs: age and trend are unknown (npx throughline monitor)'
  return [
    parts.join('   '),
    `end to end   ${endToEndLine(endToEnd)}`,
    paint('dim', 'wait, work: medians of the last minute; end to end: of what finished in it'),
    ...(missing === null ? [paint('dim', monitor)] : []),
  ]
}

function countOrDash(messages: number | undefined): string {
  return messages === undefined ? '-' : formatCount(messages)
}

/** Messages a second: "0.4", "22", "1,240" */
function rate(perSecond: number | null): string {
  if (perSecond === null) return '-'
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : formatCount(Math.round(perSecond))
}

function endToEndLine(times: EndToEnd | null): string {
  if (times === null) return 'nothing finished in the last minute'
  const { messages, p50Ms, p95Ms, p99Ms } = times
  return `p50 ${duration(p50Ms)}   p95 ${duration(p95Ms)}   p99 ${duration(p99Ms)}   (${formatCount(messages)} message${messages === 1 ? '' : 's'})`
}
