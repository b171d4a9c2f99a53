import { markdownTable } from 'markdown-table'
import { max, median, min } from 'simple-statistics'
import { nodeFlags } from '../local/throughline-process.ts'
import { medianOf, type Case, type Goal, type Measured, type Suite } from './suite.ts'

/** The figures of a suite, and when, on what and how they were measured. */
export interface SuiteResult {
  readonly suite: Pick<Suite, 'name' | 'about' | 'goals'>
  readonly measured: Measured
  /** ISO 8601. */
  readonly startedAt: string
  readonly commit: string
  readonly machine: string
  /** As it was typed. */
  readonly command: string
  /** The load average of a minute before. */
  readonly load: number
}

const pageHead = `# What the bench measured

Written by \`npm run bench\`, a section for each suite when it was last run at full size. Broker, Postgres, stages, tracer,
trace backend and bench share one machine. A figure is the median of its rounds, with the least and the most of them. A row
alone: \`npm run bench -- SUITE --only CASE\`. Flags of each process of the pipeline, as in containers:
\`${nodeFlags.join(' ')}\`. The broker is one node with a heap of 256 MiB and \`-XX:TieredStopAtLevel=1\`.`

/** Markdown of one suite. */
export function sectionOf({ suite, measured, startedAt, commit, machine, command, load }: SuiteResult): string {
  const { cases, note, problems } = measured
  const when = startedAt.slice(0, 16).replace('T', ' ')
  const described = cases.flatMap(({ name, about }) => (about === undefined ? [] : `${name}: ${about}`))
  return [
    `## ${suite.name}`,
    suite.about,
    `Measured ${when} UTC at commit ${commit} by \`${command}\`: ${machine}; load ${load.toFixed(2)} before.`,
    figuresTable(cases),
    described.length === 0 ? '' : `${described.join('; ')}.`,
    note,
    goalsTable(suite.goals ?? [], cases),
    ...problems.map((problem) => `Not measured:\n\n\`\`\`\n${problem}\n\`\`\``),
  ]
    .filter((paragraph) => paragraph !== '')
    .join('\n\n')
}

/** RESULTS.md with this section in the place of its older self. Sections are in the order of `names`. */
export function withSection(page: string, section: string, names: readonly string[]): string {
  const [, ...sections] = page.split(/^(?=## )/m).map((text) => text.trim())
  const nameOf = (text: string) => /^## (.*)$/m.exec(text)?.[1] ?? ''
  const others = sections.filter((one) => nameOf(one) !== nameOf(section))
  const ordered = [...others, section].toSorted((one, other) => names.indexOf(nameOf(one)) - names.indexOf(nameOf(other)))
  return `${[pageHead, ...ordered].join('\n\n')}\n`
}

/** A row for each measured case, a column for each figure. */
function figuresTable(cases: readonly Case[]): string {
  const measured = cases.filter(({ rounds }) => rounds.length > 0)
  const titles = [...new Set(measured.flatMap(({ rounds }) => rounds.flatMap(Object.keys)))]
  if (titles.length === 0) return ''
  const rows = measured.map((one) => [one.name].concat(titles.map((title) => cellOf(one, title))))
  return tableText(['', ...titles], rows)
}

/** "9,812 (9,500 to 10,100)": median and range, or the median alone when the range is no wider; "-" for no figure. */
function cellOf({ rounds }: Case, title: string): string {
  const values = rounds.flatMap((round) => round[title] ?? [])
  if (values.length === 0) return '-'
  const [middle, least, most] = [median(values), min(values), max(values)].map(formatted)
  return least === most ? `${middle}` : `${middle} (${least} to ${most})`
}

/** "0.46", "9.5", "17.2" or "9,812". */
function formatted(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

function goalsTable(goals: readonly Goal[], cases: readonly Case[]): string {
  const rows = goals.flatMap(({ of, figure, to, atLeast = -Infinity, below = Infinity }) => {
    const value = medianOf(cases, of, figure) / (to === undefined ? 1 : medianOf(cases, to, figure))
    if (Number.isNaN(value)) return []
    const name = to === undefined ? `${of}: ${figure}` : `${of} to ${to}: ${figure}`
    const bound = atLeast > -Infinity ? `at least ${formatted(atLeast)}` : `below ${formatted(below)}`
    return [[name, formatted(value), bound, value >= atLeast && value < below ? 'yes' : 'no']]
  })
  return rows.length === 0 ? '' : tableText(['goal', 'median', 'bound', 'reached'], rows)
}

function tableText(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([titles, ...rows], { align: titles.map((_, index) => (index === 0 ? null : 'right')) })
}
