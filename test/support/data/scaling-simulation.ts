import { processesWanted, type Scaling, type WorkSample } from '../../../monitor/processes-wanted.ts'
import { slide, type StageSample } from '../../../monitor/samples.ts'

/** From and to, in seconds. */
type Span = readonly [number, number]

/** A stage, its monitor and an autoscaler, in simulated time. */
export interface Scenario {
  /** Messages that arrive in a second. */
  readonly arrivals: (second: number) => number
  /** Messages that a process does in a second in full batches, 400 by default. In a batch of its own each costs 5 ms more. */
  readonly rate?: (second: number) => number
  /** How many run at first, 1 by default. */
  readonly processes?: number
  /** Partitions that the messages are on, all by default. */
  readonly hot?: number
  /** Messages that all processes together can do in a second, for instance because of the database. */
  readonly limit?: number
  /** When one process is busy with a single message. */
  readonly stuck?: Span
  /** When no process runs. */
  readonly down?: Span
  /** When the monitor is away. */
  readonly away?: Span
  /** Another monitor takes over, which knows nothing. */
  readonly isReplaced?: true
}

export interface Outcome {
  /** The processes wanted: at first, and after each change. */
  readonly wanted: readonly { readonly at: number; readonly processes: number }[]
  /** Seconds: the longest wait of a message, and the longest time in which there was one of more than five seconds. */
  readonly oldest: number
  readonly late: number
  /** Messages done in each second. */
  readonly served: readonly number[]
}

export const SECONDS = 7200
export const TARGET = 60
const PARTITIONS = 12
const SAMPLE_EVERY = 5
/** The autoscaler asks every 15 s, a process starts in 20 s, and a rebalance stops the whole group for 5 s. */
const [SYNC, START, REBALANCE] = [15, 20, 5]
const BATCH_SECONDS = 0.005
const TURN = 7

export function simulate(scenario: Scenario): Outcome {
  const stage = createStage(scenario)
  const group = createGroup(scenario)
  const monitor = createMonitor(scenario)
  const served: number[] = []
  let [oldest, late, onTime] = [0, 0, 0]
  for (let second = 0; second < SECONDS; second += 1) {
    group.adjust(second, monitor.wantedNow(second))
    const members = isIn(second, scenario.down) ? 0 : group.size()
    stage.arrive(second)
    served.push(stage.work(second, group.isStopped(second) ? 0 : members))
    const age = stage.age(second)
    if (age <= 5) onTime = second
    oldest = Math.max(oldest, age)
    late = Math.max(late, second - onTime)
    monitor.sample(second, stage.sample(second, members))
  }
  return { wanted: monitor.wanted, oldest, late, served }
}

function isIn(second: number, [from, to]: Span = [0, 0]): boolean {
  return second >= from && second < to
}

/** The partitions, and the processes at work on them. */
function createStage({ arrivals, rate = () => 400, hot = PARTITIONS, limit = Number.POSITIVE_INFINITY, stuck }: Scenario) {
  const partitions = Array.from({ length: PARTITIONS }, () => createPartition())
  let fraction = 0
  let [done, busy, stuckSeconds] = [0, 0, 0]
  /** What one process does in a second: its partitions in turn, each first for some seconds, as they are when much was fetched. */
  const workOf = (process: number, members: number, capacity: number, second: number) => {
    let left = Math.floor(capacity)
    const own = partitions.filter((_, index) => index % members === process)
    const first = Math.floor(second / TURN) % own.length
    for (const partition of [...own.slice(first), ...own.slice(0, first)]) left -= partition.take(left)
    const count = Math.floor(capacity) - left
    busy += Math.min(1, count / capacity + count * BATCH_SECONDS)
    return count
  }
  return {
    arrive(second: number) {
      fraction += arrivals(second)
      for (const [index, partition] of partitions.slice(0, hot).entries()) {
        const count = Math.floor(fraction / (hot - index))
        partition.append(second, count)
        fraction -= count
      }
    },
    work(second: number, members: number) {
      const isStuck = isIn(second, stuck)
      // The busy time of a batch is known when it is done.
      if (isStuck) stuckSeconds += 1
      else [busy, stuckSeconds] = [busy + stuckSeconds, 0]
      const capacity = Math.min(rate(second), limit / Math.max(1, members))
      const before = done
      for (let process = isStuck ? 1 : 0; process < members; process += 1)
        done += workOf(process, members, capacity, second)
      return done - before
    },
    age: (second: number) => Math.max(...partitions.map((partition) => second - (partition.oldest() ?? second))),
    sample(second: number, members: number) {
      const states = partitions.map((partition, index) => partition.state(String(index)))
      const working = Math.min(members, PARTITIONS)
      const group = { members, working, assigned: members > 0 ? PARTITIONS : 0, partitions: states }
      return { broker: { at: second, wallMs: second * 1000, ...group }, rows: { at: second, done, busy } }
    },
  }
}

function createPartition() {
  const entries: { second: number; count: number }[] = []
  let [end, committed] = [0, 0]
  return {
    append(second: number, count: number) {
      if (count > 0) entries.push({ second, count })
      end += count
    },
    take(most: number) {
      const taken = Math.min(most, end - committed)
      committed += taken
      for (let left = taken; left > 0;) {
        const [first] = entries
        if (first === undefined) break
        const part = Math.min(left, first.count)
        first.count -= part
        left -= part
        if (first.count === 0) entries.shift()
      }
      return taken
    },
    oldest: () => entries[0]?.second,
    state: (partition: string) => ({
      partition,
      end: BigInt(end),
      committed: BigInt(committed),
      isCommitted: true,
      waiting: end - committed,
      oldestAt: undefined,
      oldestMessage: undefined,
    }),
  }
}

/** The processes as the autoscaler starts and stops them. */
function createGroup({ processes: first = 1 }: Scenario) {
  let processes = first
  let starting: number[] = []
  let stoppedUntil = 0
  const change = (second: number, by: number) => {
    if (by === 0) return
    processes += by
    stoppedUntil = second + REBALANCE
  }
  return {
    /** @param wanted undefined, which changes nothing, when it is unknown */
    adjust(second: number, wanted: number | undefined) {
      const missing = second % SYNC === 0 && wanted !== undefined ? wanted - processes - starting.length : 0
      for (let count = 0; count < missing; count += 1) starting.push(second + START)
      change(second, Math.min(0, missing))
      const started = starting.filter((at) => at <= second)
      starting = starting.slice(started.length)
      change(second, started.length)
    },
    size: () => processes,
    isStopped: (second: number) => second < stoppedUntil,
  }
}

function createMonitor({ away, isReplaced }: Scenario) {
  const wanted: { at: number; processes: number }[] = []
  let history: StageSample[] = []
  let work: WorkSample[] = []
  let scaling: Scaling | undefined
  return {
    wanted,
    wantedNow: (second: number) => (isIn(second, away) ? undefined : scaling?.wanted),
    sample(second: number, { broker, rows }: { broker: StageSample; rows: WorkSample }) {
      if (isIn(second, away)) {
        if (isReplaced) [history, work, scaling] = [[], [], undefined]
      } else if (second % SAMPLE_EVERY === 0) {
        ;[history, work] = [slide(history, broker), slide(work, rows)]
        scaling = processesWanted(scaling, { history, work }, TARGET)
        const processes = scaling?.wanted
        if (processes !== undefined && processes !== wanted.at(-1)?.processes) wanted.push({ at: second, processes })
      }
    },
  }
}
