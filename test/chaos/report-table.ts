import { median } from 'simple-statistics'
import { faultKinds, targetKinds } from './plan.ts'
import type { ChaosReport } from './run-chaos.ts'
import type { Standstill } from './standstill.ts'

const PROBLEMS_SHOWN = 20

/** The report as text: the faults, the counts, the problems. */
export function chaosTable(report: ChaosReport): string {
  const { faults, standstills, counts, scenarios, unexpectedExits, redeliveries, settledAfterMs, verdictCounts, problems } =
    report
  const injected = targetKinds.flatMap((target) =>
    faultKinds.flatMap((kind) => {
      const times = faults.filter((fault) => fault.target === target && fault.kind === kind).length
      return times === 0 ? [] : [line(`${kind} ${target}`, times)]
    }),
  )
  const ran = [...scenarios].map(([name, times]) => line(`scenario ${name}`, times))
  const found = [
    line('messages entered', counts.entered),
    line('messages finished', counts.finished),
    line('dead letters', counts.dead),
    line('rows of results and dead letters', counts.rows),
    line('redeliveries', redeliveries),
    line('records published more than once', counts.republished),
    line('duplicates dropped by stages', counts.duplicates),
    ...verdictCounts.entries().map(([what, count]) => line(what, count)),
    line('seconds to settle', Math.round(settledAfterMs / 1000)),
    line('unexpected exits', unexpectedExits.length),
    ...unexpectedExits.map((exit) => `  ${exit}`),
    line('problems', problems.length),
    ...problems.slice(0, PROBLEMS_SHOWN).map((problem) => `  ${problem}`),
  ]
  const more = problems.length - PROBLEMS_SHOWN
  if (more > 0) found.push(`  and ${more} more`)
  return [...injected, ...ran, ...[...standstills].map(standstillLine), '', ...found].join('\n')
}

/** The medians of a fault's standstills, in seconds: of all partitions together, and of the worst one. */
function standstillLine([name, standstills]: readonly [string, readonly Standstill[]]): string {
  const [all, partition] = (['all', 'partition'] as const).map((of) => {
    const seconds = standstills.map((standstill) => standstill[of] / 1000)
    const each = seconds.length === 1 ? '' : ` (${seconds.map((value) => value.toFixed(1)).join(', ')})`
    return `${median(seconds).toFixed(1).padStart(6)} s${each}`
  })
  return `${`${name}, nothing finished for`.padEnd(52)}${all}\n${'  from one of the partitions'.padEnd(52)}${partition}`
}

function line(what: string, count: number): string {
  return what.padEnd(46) + count.toLocaleString('en-US').padStart(12)
}
