import { styleText } from 'node:util'
import { count } from '../../stages/refusal.ts'
import type { Verdict } from '../../monitor/verdict.ts'
import { duration } from './duration.ts'
import type { Look } from '../output.ts'
import { tableLines, type Column } from './table.ts'
import type { EndToEnd, GroupStatus, StageStatus, Status } from '../../sql/read-status.ts'

type Style = Parameters<typeof styleText>[0]

/** A stage, or the tracer, of which the rows say nothing. */
type Row = GroupStatus & Partial<StageStatus>

/** A column and what it shows of a stage. */
interface Shown extends Column {
  readonly of: (row: Row) => string
}

const right = (title: string, of: Shown['of']): Shown => ({ title, align: 'right', of })
const left = (title: string, of: Shown['of'], shrinks = false): Shown => ({
  title,
  align: 'left',
  of,
  shrinks,
})

const always: readonly Shown[] = [
  right('', ({ position }) => String(position)),
  left('stage', ({ stage }) => stage, true),
  left('state', ({ verdict }) => verdict),
  right('running', ({ running }) => count(running)),
  right('waiting', ({ waiting }) => count(waiting)),
  right('oldest', ({ oldest }) => duration(oldest === null ? null : oldest * 1000)),
  right('wait', ({ waitMs }) => duration(waitMs ?? null)),
  right('work', ({ workMs }) => duration(workMs ?? null)),
]
const whereThereIsRoom: readonly Shown[] = [
  right('in/s', ({ arrivals }) => rate(arrivals)),
  right('out/s', ({ served }) => rate(served)),
  right('drain', ({ drain }) => duration(drain === null ? null : drain * 1000)),
  right('busy', ({ utilisation }) => (utilisation === null ? '-' : `${Math.round(utilisation * 100)} %`)),
  right('done', ({ done }) => total(done)),
  right('dead', ({ dead }) => total(dead)),
]

/** Characters in a line from which there is room for all columns. */
const WIDE = 120

/** A table with a line for each stage and the tracer, and the sums below. Ends without a line end. */
export function renderStatus(status: Status, { width, color }: Look): string {
  const paint = (style: Style, text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text
  const isWide = width >= WIDE
  const columns = isWide ? [...always, ...whereThereIsRoom] : always
  const stages: readonly Row[] = [...status.stages, ...(status.tracer ? [status.tracer] : [])]
  const rows = stages.map((stage) => columns.map(({ of }) => of(stage)))
  const [titles = '', ...lines] = tableLines(columns, rows, width)
  const remarkable = stages.filter(({ verdict }) => verdict !== 'OK')
  return [
    paint('bold', titles),
    ...stages.map(({ verdict }, index) => paint(styles[verdict], lines[index] ?? '')),
    '',
    ...sums(status, isWide, paint),
    ...remarkable.flatMap(({ verdict, sentence, oldestMessage }) => {
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
    `entered ${count(sum.entered)}`,
    `finished ${count(sum.finished)}`,
    `in flight ${count(sum.inFlight)}`,
    `dead ${count(sum.dead)}`,
    ...(isWide ? [`duplicates ${count(sum.duplicates)}`] : []),
    ...(missing === null ? [] : [paint(missing > 0 ? 'red' : 'reset', `missing ${count(missing)}`)]),
  ]
  const monitor = 'no monitor runs: nothing is known of age and trend (npx throughline monitor)'
  return [
    parts.join('   '),
    `end to end   ${endToEndLine(endToEnd)}`,
    paint('dim', 'wait, work: medians of the last minute; end to end: of what finished in it'),
    ...(missing === null ? [paint('dim', monitor)] : []),
  ]
}

/** Of what only the rows know. */
function total(messages: number | undefined): string {
  return messages === undefined ? '-' : count(messages)
}

/** Messages a second: "0.4", "22", "1,240" */
function rate(perSecond: number | null): string {
  if (perSecond === null) return '-'
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : count(Math.round(perSecond))
}

function endToEndLine(times: EndToEnd | null): string {
  if (times === null) return 'nothing finished in the last minute'
  const { messages, p50Ms, p95Ms, p99Ms } = times
  return `p50 ${duration(p50Ms)}   p95 ${duration(p95Ms)}   p99 ${duration(p99Ms)}   (${count(messages)} message${messages === 1 ? '' : 's'})`
}
