import { median } from 'simple-statistics'

/** How much is measured. */
export interface Sizes {
  /** Messages that wait when a drain begins; records of a ceiling. */
  readonly messages: number
  /** How often each case is measured. */
  readonly rounds: number
  /** Seconds for which a rate is kept. */
  readonly seconds: number
  /** Rows of `results` for growth, from few to many. */
  readonly rows: readonly number[]
  /** Of a soak. */
  readonly minutes: number
}

/** What a suite is given. */
export interface BenchContext {
  readonly sizes: Sizes
  /** Aborted when the bench is interrupted. */
  readonly signal: AbortSignal
  /** Whether the case of this name is to be measured. */
  readonly wants: (name: string) => boolean
}

/** The figures of one round, by the titles of their columns, with units: "p50 ms". */
export type Figures = Readonly<Record<string, number>>

/** A case and its figures, one element a round. */
export interface Case {
  readonly name: string
  readonly about?: string | undefined
  readonly rounds: readonly Figures[]
}

interface CasePlan extends Omit<Case, 'rounds'> {
  readonly measure: () => Promise<Figures>
}

export interface Measured {
  readonly cases: readonly Case[]
  /** What could not be measured, and why. */
  readonly problems: readonly string[]
  /** What the table does not say. */
  readonly note: string
  /** SVG, by the name of the file. */
  readonly pictures?: Readonly<Record<string, string>>
}

/** A bound for the median of a case's figure on two cores at full size. */
export interface Goal {
  /** The name of the case. */
  readonly of: string
  readonly figure: string
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
export function medianOf(cases: readonly Case[], name: string, figure: string): number {
  const rounds = cases.find((one) => one.name === name)?.rounds ?? []
  const values = rounds.flatMap((figures) => figures[figure] ?? [])
  return values.length === 0 ? Number.NaN : median(values)
}

/**
 * Measures every case once, then every case again, and so on, so that a slow change of the machine affects all of them alike.
 * A round that fails becomes a problem in the report; the others go on.
 */
export async function repeat(
  { sizes, signal, wants }: BenchContext,
  plans: readonly CasePlan[],
): Promise<Omit<Measured, 'note'>> {
  const cases = plans.filter(({ name }) => wants(name)).map((plan) => ({ plan, rounds: [] as Figures[] }))
  const problems: string[] = []
  for (let round = 1; round <= sizes.rounds; round += 1) {
    for (const { plan, rounds } of cases) {
      console.log(`  ${plan.name}, round ${round} of ${sizes.rounds}`)
      try {
        rounds.push(await plan.measure())
      } catch (error) {
        signal.throwIfAborted()
        problems.push(`${plan.name}, round ${round}: ${problemOf(error)}`)
        console.log(`    failed: ${problemOf(error)}`)
      }
    }
  }
  return { cases: cases.map(({ plan: { name, about }, rounds }) => ({ name, about, rounds })), problems }
}

export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
