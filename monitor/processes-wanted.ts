import {
  historyOf,
  meanWindow,
  partitionSamples,
  rateOf,
  totalWaiting,
  type SlidingWindow,
  type StageSample,
} from './samples.ts'

/** What the rows of a stage say since the beginning. */
export interface WorkSample {
  /** Seconds, monotonic: the same as of the sample of the broker. */
  readonly at: number
  /** Messages that are done. */
  readonly done: number
  /** Seconds in which its processes were busy, all together. */
  readonly busy: number
}

/** How many processes a stage wants, and what the next decision depends on. */
export interface Scaling {
  readonly at: number
  readonly wanted: number
  /** Messages that one process did in a busy second, the latest measured while a backlog filled its batches. */
  readonly rates: readonly number[]
  /** Since when fewer would do, and the most that would have been needed since then. */
  readonly calm?: { readonly since: number; readonly most: number } | undefined
  /** The latest increase: when, with how many processes that worked, and what these served a second. */
  readonly raised?: Capacity | undefined
}

interface Capacity {
  readonly at: number
  readonly working: number
  readonly served: number
}

/** Seconds. */
const FIRST_DECISION = 60
const UNKNOWN_AFTER = 15
/** Until an increase has its effect: processes start, the group rebalances, and the rates are of the new group. */
const SETTLE = 60
/** Every decrease stops the whole group for a rebalance, and a wrong one stops it twice. */
const CALM = 600
/** Until an increase that did not help is followed by another. */
const RETRY = 1800
/** In so many samples more waits than is served in a second: less is on its way, and no backlog. */
const BACKLOG_SAMPLES = 3
const RATES = { fewest: 3, most: 12 }
/** Arrivals may grow by this until another increase is needed. */
const HEADROOM = 1.25
/** Processes that are less busy are not the limit. */
const BUSY = 0.6
/** A total busy time that is this much below the number of working processes: one is probably in a batch that has not ended. */
const STUCK = 0.5
/** An increase helped if it brought this share of the expected additional throughput; otherwise something else is the limit. */
const HELPED = 0.25

/**
 * The decision after a sample: up within half a minute, at most to the double or by two; down after ten minutes, at most to
 * the half. What is unknown changes nothing.
 * @param before the previous decision; undefined in a monitor that has just started
 * @param target seconds within which what waits should be done
 * @returns undefined until the stage has been watched for a minute
 */
export function processesWanted(
  before: Scaling | undefined,
  { history, work }: { readonly history: readonly StageSample[]; readonly work: readonly WorkSample[] },
  target: number,
): Scaling | undefined {
  const latest = history.at(-1)
  if (latest === undefined || latest.at === before?.at) return before
  if (before === undefined) return firstDecision(history, latest)
  const { at, working, partitions } = latest
  const unchanged = { ...before, at, calm: undefined }
  const [first, last] = meanWindow(work) ?? []
  const isKnown = last?.at === at && at - before.at <= UNKNOWN_AFTER && working > 0
  if (first === undefined || last === undefined || !isKnown) return unchanged
  const busy = (last.busy - first.busy) / (at - first.at)
  const loads = loadsOf(history, latest)
  // While all are busy, a partition that stands still awaits its turn; while one is not, it is busy with a message without an end.
  const moving = busy > working - STUCK ? loads : loads.filter((load) => !standsStill(load))
  const served = moving.reduce((sum, load) => sum + load.served, 0)
  const hasBacklog = moving.length > 0 && totalWaiting(moving) > served
  const rates = hasBacklog ? [...before.rates, ...rateNow(history, work)].slice(-RATES.most) : before.rates
  const rate = rates.length < RATES.fewest ? undefined : median(rates)
  const enough = (headroom: number) => {
    // Without a backlog small batches cost more a message: what is busy then is more than is needed.
    const need = rate === undefined ? busy * headroom : needOf(moving, { rate, target, headroom })
    return evenly(need, partitions.length)
  }
  const isTooSlow = rate !== undefined && hasBacklog && busy >= BUSY * working && enough(1) > before.wanted
  const raised = { at, working, served }
  const wanted = Math.min(enough(HEADROOM), mostAfter(working, partitions.length))
  if (isTooSlow && wanted > before.wanted && mayRaise(before.raised, raised)) return { ...unchanged, rates, wanted, raised }
  return { ...unchanged, rates, ...(loads.some(standsStill) ? {} : lowered(before, at, enough(HEADROOM))) }
}

/** The decisions on all stages after a sample, by their names: what is known of a stage before stays where its rows are not read. */
export function decideScaling(
  before: ReadonlyMap<string, Scaling>,
  { samples, ledgerSamples }: SlidingWindow,
  target: number,
): ReadonlyMap<string, Scaling> {
  const decisions = new Map(before)
  for (const stage of ledgerSamples.at(-1)?.totals.stages.keys() ?? []) {
    const work = ledgerSamples.flatMap(({ at, totals }): WorkSample[] => {
      const totalsOfStage = totals.stages.get(stage)
      return totalsOfStage ? [{ at, done: totalsOfStage.processed + totalsOfStage.dead, busy: totalsOfStage.busy }] : []
    })
    const decision = processesWanted(before.get(stage), { history: historyOf(samples, stage), work }, target)
    if (decision !== undefined) decisions.set(stage, decision)
  }
  return decisions
}

/** As many as there are: the most that were seen, since stages that were started together with the monitor join one by one. */
function firstDecision(history: readonly StageSample[], { at, partitions }: StageSample): Scaling | undefined {
  if (at - (history[0]?.at ?? at) < FIRST_DECISION) return undefined
  const members = Math.max(...history.map((sample) => sample.members))
  return { at, wanted: Math.max(1, Math.min(members, partitions.length)), rates: [] }
}

/** One partition lately; messages a second. */
interface Load {
  /** The fewest in any of these samples. */
  readonly waiting: number
  readonly arrivals: number
  readonly served: number
}

/** Empty while there are too few samples. */
function loadsOf(history: readonly StageSample[], { partitions }: StageSample): Load[] {
  return partitions.flatMap(({ partition }) => {
    const samples = partitionSamples(history, partition)
    const recent = samples.slice(-BACKLOG_SAMPLES)
    const [long, short] = [rateOf(samples), rateOf(recent)]
    if (recent.length < BACKLOG_SAMPLES || long === undefined || short === undefined) return []
    const waiting = Math.min(...recent.map((sample) => sample.waiting))
    // What came in a burst that is over waits, and does not arrive any more.
    return [{ waiting, arrivals: Math.min(long.arrivals, short.arrivals), served: short.served }]
  })
}

function standsStill({ waiting, served }: Load): boolean {
  return waiting > 0 && served === 0
}

/** Empty when nothing was done, or when the busy time is of longer ago: that of a batch is known when its rows are saved. */
function rateNow(history: readonly StageSample[], work: readonly WorkSample[]): number[] {
  const recent = history.slice(-BACKLOG_SAMPLES)
  const [first, last] = [work.find(({ at }) => at === recent[0]?.at), work.at(-1)]
  if (first === undefined || last === undefined) return []
  const working = Math.max(...recent.map((sample) => sample.working))
  const [done, busy] = [last.done - first.done, last.busy - first.busy]
  return done > 0 && busy > 0 && busy <= 1.2 * working * (last.at - first.at) ? [done / busy] : []
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[values.length >> 1]
}

/** Processes that are busy with what arrives, and with what waits, done within the target. A partition keeps at most one busy. */
function needOf(
  loads: readonly Load[],
  { rate, target, headroom }: { readonly rate: number; readonly target: number; readonly headroom: number },
): number {
  const shares = loads.map(({ arrivals, waiting }) => Math.min(1, (arrivals * headroom + waiting / target) / rate))
  return shares.reduce((sum, share) => sum + share, 0)
}

/** The fewest that share the partitions so evenly that none has more than it can do: of 12 partitions, 7 leave one two, like 6. */
function evenly(need: number, partitions: number): number {
  return Math.ceil(partitions / Math.max(1, Math.floor(partitions / Math.max(1, need))))
}

/** The double, or two more, of those numbers that share the partitions evenly. */
function mostAfter(working: number, partitions: number): number {
  return Math.ceil(partitions / Math.ceil(partitions / Math.max(2 * working, working + 2)))
}

function mayRaise(raised: Capacity | undefined, { at, working, served }: Capacity): boolean {
  if (raised === undefined || at - raised.at >= RETRY) return true
  if (at - raised.at < SETTLE) return false
  return served >= raised.served * (1 + HELPED * (working / raised.working - 1))
}

/** @param enough processes, with headroom */
function lowered({ wanted, calm }: Scaling, at: number, enough: number): Partial<Scaling> {
  if (enough >= wanted) return { wanted, calm: undefined }
  const { since, most } = { since: calm?.since ?? at, most: Math.max(calm?.most ?? 0, enough) }
  if (at - since < CALM) return { wanted, calm: { since, most } }
  // What the last increase served says nothing of the next one.
  return { wanted: Math.max(most, Math.ceil(wanted / 2)), calm: undefined, raised: undefined }
}
