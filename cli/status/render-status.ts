import { styleText } from 'node:util'
import { count } from '../../stages/refusal.ts'
import { duration } from '../duration.ts'
import type { Look } from '../output.ts'
import { isStopped, type EndToEnd, type StageStatus, type Status } from './read-status.ts'
import { tableLines, type Column } from '../table.ts'

const columns: readonly Column[] = [
  { title: '', align: 'right' },
  { title: 'stage', align: 'left', shrinks: true },
  { title: 'running', align: 'right' },
  { title: 'done', align: 'right' },
  { title: 'dead', align: 'right' },
  { title: 'waiting', align: 'right' },
  { title: 'wait', align: 'right' },
  { title: 'work', align: 'right' },
]

/** A table with a line for each stage, and the sums below. Ends without a line end. */
export function renderStatus({ stages, ...sums }: Status, { width, color }: Look): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text
  const [titles = '', ...lines] = tableLines(columns, stages.map(row), width)
  const stopped = stages.filter(isStopped)
  const painted = stages.map((stage, index) => {
    const line = lines[index] ?? ''
    if (isStopped(stage)) return paint('red', line)
    return stage.waiting > 0 ? paint('yellow', line) : line
  })
  return [
    paint('bold', titles),
    ...painted,
    '',
    `entered ${count(sums.entered)}   finished ${count(sums.finished)}   in flight ${count(sums.inFlight)}   dead ${count(sums.dead)}`,
    `end to end   ${endToEndLine(sums.endToEnd)}`,
    paint('dim', 'wait, work: medians of the last minute; end to end: of what finished in it'),
    ...stopped.map(({ stage, waiting }) =>
      paint(
        'red',
        `${stage} has ${count(waiting)} waiting, and nobody runs it: npx throughline run ${stage}`,
      ),
    ),
  ].join('\n')
}

function row({ position, stage, running, done, dead, waiting, waitMs, workMs }: StageStatus): string[] {
  return [
    String(position),
    stage,
    ...[running, done, dead, waiting].map(count),
    duration(waitMs),
    duration(workMs),
  ]
}

function endToEndLine(times: EndToEnd | null): string {
  if (times === null) return 'nothing finished in the last minute'
  const { messages, p50Ms, p95Ms, p99Ms } = times
  return `p50 ${duration(p50Ms)}   p95 ${duration(p95Ms)}   p99 ${duration(p99Ms)}   (${count(messages)} message${messages === 1 ? '' : 's'})`
}
