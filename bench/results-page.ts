import { markdownTable } from 'markdown-table'
import { max, median, min } from 'simple-statistics'
import { nodeFlags } from '../local/throughline-process.ts'
import { medianOf, type Case, type Goal, type Measured, type Suite, type Table } from './suite.ts'

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

/** Markdown of one suite. `isForPage`: as a section of RESULTS.md, which does not have all rows and tables. */
export function sectionOf(result: SuiteResult, isForPage: boolean): string {
  const { suite, measured, startedAt, commit, machine, command, load } = result
  const { tables, cases, notes, problems } = measured
  const when = startedAt.slice(0, 16).replace('T', ' ')
  const described = cases.flatMap(({ name, about }) => (about === '' ? [] : `${name}: ${about}`))
  return [
    `## ${suite.name}`,
    suite.about,
    `Measured ${when} UTC at commit ${commit} by \`${command}\`: ${machine}; load ${load.toFixed(2)} before.`,
    ...tables.map((table) => tableOf(table, isForPage ? cases.slice(0, table.rowsOnPage) : cases)),
    described.length === 0 ? '' : `${described.join('; ')}.`,
    ...notes,
    goalsTable(suite.goals ?? [], measured),
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

/** A row for each measured case, and the columns that have figures. */
function tableOf({ title = '', columns }: Table, cases: readonly Case[]): string {
  const measured = cases.filter(({ rounds }) => rounds.length > 0)
  const shown = Object.keys(columns).filter((key) => measured.some(({ rounds }) => rounds.some((round) => key in round)))
  if (shown.length === 0) return ''
  const cells = measured.map((one) => [one.name].concat(shown.map((key) => cellOf(one, key))))
  return tableText([title, ...shown.map((key) => columns[key] ?? key)], cells)
}

/** "9,812 (9,500 to 10,100)": median and range, or the median alone when the range is no wider; "-" for no figure. */
function cellOf({ rounds }: Case, key: string): string {
  const values = rounds.flatMap((round) => round[key] ?? [])
  if (values.length === 0) return '-'
  const [middle, least, most] = [median(values), min(values), max(values)].map(formatted)
  return least === most ? `${middle}` : `${middle} (${least} to ${most})`
}

/** "0.46", "9.5", "17.2" or "9,812". */
function formatted(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

function goalsTable(goals: readonly Goal[], { tables, cases }: Measured): string {
  const titles: Table['columns'] = Object.assign({}, ...tables.map(({ columns }) => columns))
  const rows = goals.flatMap(({ of, key, to, atLeast = -Infinity, below = Infinity }) => {
    const figure = medianOf(cases, of, key) / (to === undefined ? 1 : medianOf(cases, to, key))
    if (Number.isNaN(figure)) return []
    const title = titles[key] ?? key
    const name = to === undefined ? `${of}: ${title}` : `${of} to ${to}: ${title}`
    const bound = atLeast > -Infinity ? `at least ${formatted(atLeast)}` : `below ${formatted(below)}`
    return [[name, formatted(figure), bound, figure >= atLeast && figure < below ? 'yes' : 'no']]
  })
  return rows.length === 0 ? '' : tableText(['goal', 'median', 'bound', 'reached'], rows)
}

function tableText(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return markdownTable([titles, ...rows], { align: titles.map((_, index) => (index === 0 ? null : 'right')) })
}
