/** What waits in front of a consumer group on one partition. */
export interface PartitionSample {
  /** Its number, such as `3`; of a group that reads several topics the topic, too: `finish/3`. */
  readonly partition: string
  /** The offset that the next record will get. */
  readonly end: bigint
  /** The first offset that is not done. */
  readonly committed: bigint
  /** Whether the group has committed that; otherwise it is the start of the log, which moves when records are removed. */
  readonly isCommitted: boolean
  readonly waiting: number
  /** When the broker got the oldest that waits, milliseconds since the epoch; undefined when nothing waits or it cannot be read. */
  readonly oldestAt: number | undefined
  /** Its message's id, 32 hex digits; undefined likewise. */
  readonly oldestMessage: string | undefined
}

/** One consumer group by the broker's account, at one moment. */
export interface GroupSample {
  /** Processes that run the stage, or the tracer. */
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

/** All groups at one moment. */
export interface Sample extends Moment {
  /** By the name of the stage, or `tracer`. */
  readonly groups: ReadonlyMap<string, GroupSample>
}
