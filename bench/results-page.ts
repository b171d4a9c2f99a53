import { heapFlags } from '../local/lean-node.ts'
import { figuresTable } from './figures-table.ts'
import type { BenchReport, Case, Machine, PartReport, Rest } from './report.ts'

/** RESULTS.md: every figure with where it comes from and what makes it again. */
export function resultsPage(report: BenchReport): string {
  const { startedAt, minutes, commit, command, machine, before, after, parts } = report
  const when = startedAt.slice(0, 16).replace('T', ' ')
  return [
    '# What the bench measured',
    '',
    'Written by `npm run bench`; do not edit. Everything runs on one machine: broker, Postgres, the six stages, whatever',
    'takes the traces, and the bench itself. Each figure is the median of its rounds, and the least and the most of them.',
    '',
    `- When: ${when} UTC, for ${minutes.toFixed(0)} minutes`,
    `- Commit: ${commit}`,
    `- Command: \`${command}\``,
    `- Machine: ${machineText(machine)}`,
    `- Heap of each process of the pipeline, as in containers: \`${heapFlags.join(' ')}\``,
    '- Broker: a local one of one node, 256 MiB of heap, `-XX:+UseSerialGC -XX:TieredStopAtLevel=1`: it compiles less',
    '- The commands below are of the full size; what a smaller run was given is in the command above',
    `- What else ran: ${restText('before', before)}; ${restText('after', after)}`,
    '',
    ...parts.flatMap(partText),
  ].join('\n')
}

function machineText({ processor, cores, memoryGib, system, versions }: Machine): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${cores} cores of ${processor}, ${memoryGib.toFixed(0)} GiB, ${system}, ${named.join(', ')}`
}

function restText(when: string, { load, busy }: Rest): string {
  const share = Math.round(busy * 100)
  return `${share} % of the processor ${when} it, load ${load.map((value) => value.toFixed(2)).join(', ')}`
}

function partText({ part, about, columns, cases, notes, problems, isDerived }: PartReport): string[] {
  const { titles, rows } = figuresTable({ columns, cases })
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = [
    line(titles),
    line(titles.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
    '',
  ]
  return [
    `## ${part}`,
    '',
    about,
    '',
    ...(rows.length > 0 ? table : []),
    ...(isDerived ? [] : againText(part, cases)),
    ...notes.flatMap((note) => [note, '']),
    ...problems.flatMap((problem) => ['Not measured:', '', '```', problem, '```', '']),
  ]
}

/** What makes the figures again, all of a part and each row by itself. */
function againText(part: string, cases: readonly Case[]): string[] {
  const command = `npm run bench -- ${part}`
  const told = cases.filter(({ about }) => about !== '')
  const ofRow =
    told.length > 0 ? [] : [`One row of it: \`${command} --only "NAME"\` with the name in the first column.`]
  return [
    `Again: \`${command}\`. ${ofRow.join('')}`.trim(),
    '',
    ...told.map(({ name, about }) => `- ${name}: ${about}. \`${command} --only "${name}"\``),
    ...(told.length > 0 ? [''] : []),
  ]
}
