import type { Progress } from './progress.ts'
import type { Case, Figures, PartReport } from './report.ts'
import type { Sizes } from './sizes.ts'

/** What every part of the bench is given. */
export interface Bench {
  readonly sizes: Sizes
  readonly progress: Progress
  /** Ends the bench early. */
  readonly signal: AbortSignal
  /** Whether a case is to be measured. */
  readonly wants: (name: string) => boolean
  /** Where stages that drain leave profiles of their processor time; undefined for none. */
  readonly profiles: string | undefined
}

/** One chapter of the bench, which can be run by itself. */
export interface Part {
  readonly name: string
  readonly about: string
  readonly measure: (bench: Bench) => Promise<Omit<PartReport, 'part' | 'about'>>
}

export interface Planned {
  readonly name: string
  readonly about: string
}

/**
 * Measures all cases once, then all again, and so on, so that whatever changes slowly on the machine changes all alike.
 * A round that fails is a problem of its own: the others go on.
 */
export async function inRounds<T extends Planned>(
  { sizes, progress, signal, wants }: Bench,
  all: readonly T[],
  measure: (one: T) => Promise<Figures>,
): Promise<Pick<PartReport, 'cases' | 'problems'>> {
  const cases = all.filter(({ name }) => wants(name)).map((plan) => ({ plan, rounds: [] as Figures[] }))
  const problems: string[] = []
  for (let round = 1; round <= sizes.rounds; round += 1) {
    for (const { plan, rounds } of cases) {
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
  return {
    cases: cases.map(({ plan: { name, about }, rounds }): Case => ({ name, about, rounds })),
    problems,
  }
}

export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
