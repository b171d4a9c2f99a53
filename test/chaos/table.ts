import { kinds, targets } from './plan.ts'
import type { ChaosReport } from './run.ts'

const PROBLEMS_SHOWN = 20

/** The report as a person reads it: what happened, what is there, what is wrong. */
export function chaosTable(report: ChaosReport): string {
  const { faults, counts, oddEnds, redeliveries, settledAfterMs, problems } = report
  const happened = targets.flatMap((target) =>
    kinds.map((kind) => {
      const times = faults.filter((fault) => fault.target === target && fault.kind === kind).length
      return line(`${kind} ${target}`, times)
    }),
  )
  const found = [
    line('messages entered', counts.entered),
    line('messages finished', counts.finished),
    line('dead letters', counts.dead),
    line('rows of results and dead letters', counts.rows),
    line('redeliveries seen', redeliveries),
    line('records published more than once', counts.republished),
    line('duplicates dropped by stages', counts.duplicates),
    line('seconds to settle', Math.round(settledAfterMs / 1000)),
    line('ends that nobody asked for', oddEnds.length),
    ...oddEnds.map((end) => `  ${end}`),
    line('problems', problems.length),
    ...problems.slice(0, PROBLEMS_SHOWN).map((problem) => `  ${problem}`),
  ]
  const more = problems.length - PROBLEMS_SHOWN
  if (more > 0) found.push(`  and ${more} more`)
  return [...happened, '', ...found].join('\n')
}

function line(what: string, count: number): string {
  return what.padEnd(34) + count.toLocaleString('en-US').padStart(12)
}
