import type { RedrivePlan, RedriveProgress } from '../../pipeline/ingress/replay.ts'
import { countOf, formatCount } from '../../stages/refusal.ts'
import { tableLines, type Column } from './table.ts'
import { secondTime } from './text.ts'

type Group = RedrivePlan['groups'][number]

const columns: readonly Column<Group>[] = [
  { title: 'messages', align: 'right', cell: ({ count }) => formatCount(count) },
  { title: 'stage', cell: ({ stage }) => stage },
  { title: 'reason', shrinks: true, cell: ({ reason }) => reason },
]

/** What a redrive would send, and what it leaves out. */
export function renderPlan(plan: RedrivePlan, width: number): string {
  const { count, groups, from, until } = plan
  const lines =
    count === 0
      ? ['No open dead letter matches.']
      : [
          `${countOf(count, 'message')}, dead from ${secondTime(from)} to ${secondTime(until)}:`,
          ...tableLines(columns, groups, width),
        ]
  return [...lines, ...leftOut(plan)].join('\n')
}

function leftOut({ isLimitReached, inReplay, withoutStage }: RedrivePlan): string[] {
  const sentences: readonly [number, string][] = [
    [inReplay, 'in replay already: not sent again.'],
    [withoutStage, 'of stages that the pipeline no longer has: not sent.'],
  ]
  const lines = sentences.filter(([count]) => count > 0).map(([count, text]) => `${formatCount(count)} ${text}`)
  return isLimitReached ? ['--limit is reached: there may be more.', ...lines] : lines
}

/** What became of a redrive that has ended or was interrupted. */
export function renderRedriven({ count }: RedrivePlan, { sent, refused }: RedriveProgress, isInterrupted: boolean): string {
  const rest = count - sent - refused.length
  const lines = [`${formatCount(sent)} of ${countOf(count, 'message')} sent.`]
  if (isInterrupted) lines.push('Interrupted: the same command sends the rest.')
  else if (rest > 0) lines.push(`${formatCount(rest)} not sent, because they are not open any more.`)
  if (refused.length > 0) lines.push('Refused by the broker for their size:', ...refused)
  return lines.join('\n')
}
