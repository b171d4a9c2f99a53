import type { AccountMoment, Seen } from './report.ts'
import type { Sample } from './sample.ts'

/** Seconds: the longest that a verdict looks back, half a minute after another, and a few samples more. */
export const KEPT = 105

/** What the monitor has seen lately. */
export interface Memory extends Seen {
  addSample(sample: Sample): void
  addAccount(account: AccountMoment): void
  /** Another monitor has taken over meanwhile, or nothing was seen: trends begin anew. */
  clear(): void
}

export function createMemory(): Memory {
  const samples: Sample[] = []
  const accounts: AccountMoment[] = []
  const add = <T extends { at: number }>(list: T[], moment: T) => {
    list.push(moment)
    const firstKept = list.findIndex(({ at }) => moment.at - at <= KEPT)
    list.splice(0, firstKept)
  }
  return {
    samples,
    accounts,
    addSample: (sample) => add(samples, sample),
    addAccount: (account) => add(accounts, account),
    clear() {
      samples.length = 0
      accounts.length = 0
    },
  }
}
