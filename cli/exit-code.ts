/** What scripts can rely on. */
export const exitCode = {
  fine: 0,
  /** Something failed on the way, or the answer to the question is bad. */
  bad: 1,
  /** The person who typed the command, or set the environment, can mend it. */
  mistake: 2,
} as const

export const exitCodesHelp = `
Exit codes:
  0  fine
  1  something failed. Of follow: the message is dead, unfinished or unknown.
     Of status: a stage is stopped, stalled or falling behind.
  2  a mistake to mend: bad arguments, a bad environment, a server that does
     not answer`
