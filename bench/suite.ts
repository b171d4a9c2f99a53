import { median } from 'simple-statistics'

/** How much is measured. */
export interface Sizes {
  /** Messages that wait when a drain begins. */
  readonly messages: number
  /** How often each case is measured. */
  readonly rounds: number
  /** Seconds of each rate, and of idling, in a round. */
  readonly seconds: number
  /** Rows of `results` for growth, from few to many. */
  readonly rows: readonly number[]
}

/** What a suite is given. */
export interface BenchContext {
  readonly sizes: Sizes
  readonly progress: Progress
  /** Aborted when the bench is interrupted. */
  readonly signal: AbortSignal
  /** Whether the case of this name is to be measured. */
  readonly wants: (name: string) => boolean
  /** The directory for CPU profiles of the processes that drain; undefined for none. */
  readonly profiles: string | undefined
}

export interface Progress {
  /** A line that stays. */
  say(line: string): void
  /** The state of what is running, which replaces the one before. Only a terminal shows it. */
  now(text: string): void
}

/** The figures of one round, by the keys of columns. A figure without a column is in the JSON only. */
export type Figures = Readonly<Record<string, number>>

export interface Table {
  /** Above the names of the cases. */
  readonly title?: string
  /** Titles with their units, such as "p50 ms", by the keys of figures. */
  readonly columns: Readonly<Record<string, string>>
  /** How many cases have a row in RESULTS.md, 0 for no table; all by default. */
  readonly rowsOnPage?: number
}

export interface CasePlan {
  readonly name: string
  readonly about: string
}

/** A case and its figures, one element a round. */
export interface Case extends CasePlan {
  readonly rounds: readonly Figures[]
}

export interface Measured {
  readonly tables: readonly Table[]
  readonly cases: readonly Case[]
  /** What the tables do not say. */
  readonly notes: readonly string[]
  /** What could not be measured, and why. */
  readonly problems: readonly string[]
}

/** A bound for the median of a case's figure on two cores at full size. */
export interface Goal {
  /** The name of the case. */
  readonly of: string
  readonly key: string
  /** The case whose median it is divided by. */
  readonly to?: string
  readonly atLeast?: number
  readonly below?: number
}

/** A part of the bench that can be run alone; a section of RESULTS.md. */
export interface Suite {
  readonly name: string
  readonly about: string
  readonly goals?: readonly Goal[]
  readonly measure: (context: BenchContext) => Promise<Measured>
}

/** The median of a figure over the rounds of the case of this name; NaN when it was not measured. */
export function medianOf(cases: readonly Case[], name: string, key: string): number {
  const rounds = cases.find((one) => one.name === name)?.rounds ?? []
  const values = rounds.flatMap((figures) => figures[key] ?? [])
  return values.length === 0 ? Number.NaN : median(values)
}

/**
 * Measures every case once, then every case again, and so on, so that a slow change of the machine affects all of them alike.
 * A round that fails becomes a problem in the report; the others go on.
 */
export async function repeat<Plan extends CasePlan>(
  { sizes, progress, signal, wants }: BenchContext,
  plans: readonly Plan[],
  measure: (plan: Plan) => Promise<Figures>,
): Promise<Pick<Measured, 'cases' | 'problems'>> {
  const wanted = plans.filter(({ name }) => wants(name)).map((plan) => ({ plan, rounds: [] as Figures[] }))
  const problems: string[] = []
  for (let round = 1; round <= sizes.rounds; round += 1) {
    for (const { plan, rounds } of wanted) {
      progress.say(`  ${plan.name}, round ${round} of ${sizes.rounds}`)
      try {
        rounds.push(await measure(plan))
      } catch (error) {
        signal.throwIfAborted()
        problems.push(`${plan.name}, round ${round}: ${problemOf(error)}`)
        progress.say(`    failed: ${problemOf(error)}`)
      }
    }
  }
  return { cases: wanted.map(({ plan: { name, about }, rounds }) => ({ name, about, rounds })), problems }
}

export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
