/** How much of everything. */
export interface Sizes {
  /** That wait when a drain begins. */
  readonly messages: number
  /** How often each case is measured. */
  readonly rounds: number
  /** For how long each pace is kept in a round. */
  readonly paceSeconds: number
  readonly idleSeconds: number
  /** How many rows `results` has, each time that it is asked. */
  readonly rows: readonly number[]
}

/** What the published figures were made with. */
export const full: Sizes = {
  messages: 100_000,
  rounds: 3,
  paceSeconds: 15,
  idleSeconds: 15,
  rows: [100_000, 1_000_000, 10_000_000],
}

/** Shows in a few minutes that everything works. The figures mean little: programs are still being compiled. */
export const quick: Sizes = {
  messages: 5000,
  rounds: 1,
  paceSeconds: 5,
  idleSeconds: 5,
  rows: [10_000, 100_000],
}
