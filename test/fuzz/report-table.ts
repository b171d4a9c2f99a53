import { markdownTable } from 'markdown-table'
import { formatCount } from '../../stages/refusal.ts'
import type { FuzzReport } from './run-fuzz.ts'

const PROBLEMS_SHOWN = 40

/** The report as Markdown: the classes, the memory, the stall, the problems. */
export function fuzzTable({ classes, memory, stall, problems, seconds }: FuzzReport): string {
  const rows = [...classes]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([name, { sent, exact, duplicates, dead }]) => {
      const reasons = [...dead].toSorted(([, one], [, other]) => other - one)
      const letters = reasons.map(([reason, count]) => `${reason} ${formatCount(count)}`).join(', ')
      return [
        name,
        formatCount(sent),
        formatCount(exact),
        [letters, duplicates > 0 ? `dropped ${formatCount(duplicates)}` : ''].filter(Boolean).join(', '),
      ]
    })
  const megabytes = [...memory].map(([stage, each]) => {
    const atFifth = each[Math.ceil(each.length / 5) - 1] ?? 0
    const atEnd = each.at(-1) ?? 0
    return [stage, atFifth.toFixed(0), atEnd.toFixed(0), Math.max(...each).toFixed(0)]
  })
  const shown = problems.slice(0, PROBLEMS_SHOWN).map((problem) => `- ${problem}`)
  return [
    markdownTable([['class', 'sent', 'all results exact', 'dead letters'], ...rows], {
      align: ['l', 'r', 'r', 'l'],
    }),
    markdownTable([['stage', 'MB after a fifth', 'at the end', 'most'], ...megabytes], { align: ['l', 'r', 'r', 'r'] }),
    `The longest time between two commits of a partition where something waited: ${(stall.ms / 1000).toFixed(1)} s (${stall.where}). Reading the offsets took up to ${(stall.readingMs / 1000).toFixed(1)} s.`,
    `${Math.round(seconds)} s in all; ${formatCount(problems.length)} problems.`,
    ...(shown.length > 0 ? [shown.join('\n')] : []),
  ].join('\n\n')
}
