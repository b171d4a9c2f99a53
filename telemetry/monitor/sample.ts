/** What waits in front of a stage on one partition of the topic it reads. */
export interface PartitionSample {
  readonly partition: number
  /** The offset that the next record will get. */
  readonly end: bigint
  /** The first offset that is not done. */
  readonly committed: bigint
  /** Whether the group has committed that; otherwise it is the start of the log, which moves when records are removed. */
  readonly isCommitted: boolean
  readonly waiting: number
  /** When the broker got the oldest that waits, milliseconds since the epoch; undefined when nothing waits or it cannot be read. */
  readonly oldestAt: number | undefined
}

/** One stage by the broker's account, at one moment. */
export interface GroupSample {
  /** Processes that run the stage. */
  readonly members: number
  /** Of these, how many take from a partition: with more members than partitions some have none. */
  readonly working: number
  /** Partitions that one of them takes from. */
  readonly assigned: number
  readonly partitions: readonly PartitionSample[]
}

/** Two clocks: how old something is depends on the time of day, and how long something took must not. */
export interface Moment {
  /** Seconds on a clock that only goes forward. */
  readonly at: number
  /** Milliseconds since the epoch. */
  readonly wallMs: number
}

/** All stages at one moment. */
export interface Sample extends Moment {
  /** By the stage's name. */
  readonly groups: ReadonlyMap<string, GroupSample>
}
