import { mkdir, writeFile } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { look } from '../cli/output.ts'
import { tableLines } from '../cli/render/table.ts'
import { runToEnd } from '../local/run-to-end.ts'
import { UserError } from '../telemetry/user-error.ts'
import { figuresTable } from './figures-table.ts'
import { goalsOf } from './goals.ts'
import { currentCommit, describeMachine, lookAtRest } from './machine.ts'
import { problemOf, type Part } from './part.ts'
import { processTable } from './process-table.ts'
import { tellsOfChildren } from './processor-time.ts'
import type { Progress } from './progress.ts'
import { ratiosOf } from './ratios.ts'
import type { BenchReport, PartReport } from './report.ts'
import { resultsPage } from './results-page.ts'
import type { Sizes } from './sizes.ts'

export interface BenchOptions {
  readonly parts: readonly Part[]
  readonly sizes: Sizes
  /** The cases to measure; all when undefined. */
  readonly only: readonly string[] | undefined
  /** Whether stages leave profiles. */
  readonly isProfiled: boolean
  /** Whether this is all there is in full size, and so what the project shows. */
  readonly isComplete: boolean
  readonly command: string
}

const root = join(import.meta.dirname, '..')
/** Where everything goes that the project does not show. */
const DRAFTS = '.cache/bench'

/**
 * Runs the parts one after the other, shows their tables and writes them down. A part that fails does not keep the others
 * from being measured. Returns whether all went well.
 * @throws {UserError} where the system does not tell how much a process uses
 */
export async function runBench(
  options: BenchOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  if (platform() !== 'linux')
    throw new UserError('The bench needs Linux: it reads what processes use in /proc.')
  if (!tellsOfChildren())
    throw new UserError(
      'The bench needs a Linux with CONFIG_PROC_CHILDREN: /proc tells nothing of children here.',
    )
  const startedAt = new Date().toISOString()
  const [commit, machine, before] = [await currentCommit(), await describeMachine(), await lookAtRest()]
  const parts: PartReport[] = []
  for (const part of options.parts) {
    progress.say(`\n${part.name}: ${part.about}`)
    const begun = performance.now()
    const one = await measure(part, options, progress, signal)
    parts.push(one)
    progress.say(`  It took ${((performance.now() - begun) / 60_000).toFixed(1)} minutes.`)
    show(one, progress)
  }
  for (const one of [processTable, ratiosOf, goalsOf].flatMap((derive) => derive(parts) ?? [])) {
    parts.push(one)
    progress.say(`\n${one.part}: ${one.about}`)
    show(one, progress)
  }
  const after = await lookAtRest()
  const minutes = (Date.now() - Date.parse(startedAt)) / 60_000
  const { command } = options
  const directory = options.isComplete ? 'bench' : DRAFTS
  await write(directory, { startedAt, minutes, commit, command, machine, before, after, parts })
  progress.say(`\nWritten: ${directory}/RESULTS.md and ${directory}/results.json`)
  return parts.every(({ problems }) => problems.length === 0)
}

async function measure(
  part: Part,
  { sizes, only, isProfiled }: BenchOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<PartReport> {
  const { name, about } = part
  const wants = (one: string) => only?.includes(one) ?? true
  const profiles = isProfiled ? join(root, DRAFTS, 'profiles') : undefined
  try {
    return { part: name, about, ...(await part.measure({ sizes, progress, signal, wants, profiles })) }
  } catch (error) {
    signal.throwIfAborted()
    return { part: name, about, columns: [], cases: [], notes: [], problems: [problemOf(error)] }
  }
}

function show({ columns, cases, notes, problems }: PartReport, { say }: Progress): void {
  const { titles, rows } = figuresTable({ columns, cases })
  const shown = titles.map((title, index) => ({
    title,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }))
  if (rows.length > 0) say(`\n${tableLines(shown, rows, look().width).join('\n')}`)
  for (const note of notes) say(note)
  for (const problem of problems) say(`Not measured: ${problem}`)
}

async function write(directory: string, report: BenchReport): Promise<void> {
  const path = join(root, directory)
  await mkdir(path, { recursive: true })
  const files = [join(path, 'RESULTS.md'), join(path, 'results.json')]
  await writeFile(files[0] ?? '', resultsPage(report))
  await writeFile(files[1] ?? '', `${JSON.stringify(report, null, 2)}\n`)
  // They lie beside sources, and look like them.
  const oxfmt = { name: 'oxfmt', command: process.execPath, args: ['node_modules/oxfmt/bin/oxfmt', ...files] }
  if (directory === 'bench') await runToEnd({ ...oxfmt, cwd: root, env: undefined })
}
