import { setTimeout as sleep } from 'node:timers/promises'
import pRetry from 'p-retry'
import { openDatabase } from '../../sql/database.ts'
import { waitUntil } from '../../telemetry/wait-until.ts'
import { seededRandom, shuffled } from '../support/data/random.ts'
import { brokerFaults, type BrokerFault } from './broker-faults.ts'
import { openCluster, type ClusterOptions } from './cluster.ts'
import { hasFinishedEverywhere, longestStandstill, type Standstill } from './standstill.ts'

export interface BrokerFaultsOptions extends Omit<ClusterOptions, 'random'> {
  /** Receives a line for each event. */
  readonly say: (line: string) => void
  readonly seed: number
  /** After this only the last fault is injected. */
  readonly minutes: number
  /** Only these, each so many times. */
  readonly only?: readonly string[] | undefined
  readonly times?: number
}

/** A pause before each fault and after it, so that the flow is steady when the next one comes. */
const PAUSE_MS = 10_000

/** Injects the faults of three brokers one after the other. Returns the standstill after each. */
export async function injectBrokerFaults(options: BrokerFaultsOptions): Promise<Map<string, Standstill[]>> {
  const { config, say, minutes, seed } = options
  await using opened = new AsyncDisposableStack()
  const cluster = opened.use(await openCluster({ ...options, random: seededRandom(seed) }))
  const database = opened.adopt(openDatabase(config, 1), (pool) => pool.end())
  const standstills = new Map<string, Standstill[]>()
  const end = Date.now() + minutes * 60_000
  const faults = planBrokerFaults(options)
  await waitUntil('messages finish', () => hasFinishedEverywhere(database, config.TOPIC_PARTITIONS), { timeoutMs: 300_000 })
  for (const fault of faults) {
    const isLast = fault === faults.at(-1)
    const { name, inject, undo, isPossible } = fault
    if (isPossible?.(cluster) === false) {
      if (options.only !== undefined) throw new Error(`"${name}" is not possible here`)
      continue
    }
    if (Date.now() > end && !isLast && options.only === undefined) continue
    await sleep(PAUSE_MS)
    say(name)
    const since = await inject(cluster)
    if (undo === undefined) await cluster.whole()
    await sleep(PAUSE_MS)
    const until = Date.now()
    // Postgres may be away, as one of the other faults.
    const longest = await pRetry(() => longestStandstill(database, config.TOPIC_PARTITIONS, since, until), {
      retries: 20,
      factor: 1,
    })
    standstills.set(name, [...(standstills.get(name) ?? []), longest])
    const [all, partition] = [longest.all, longest.partition].map((ms) => `${(ms / 1000).toFixed(1)} s`)
    say(`${name}: nothing finished for ${all}, nothing from one of the partitions for ${partition}`)
    if (undo === undefined || isLast) continue
    await undo(cluster)
    await cluster.whole()
  }
  return standstills
}

/** No fault lasts less. */
const SHORTEST_MINUTES = (2 * PAUSE_MS) / 60_000

/** All in random order, again and again, and last the fault that `inject` leaves standing; or the chosen ones. */
function planBrokerFaults({ seed, minutes, only, times = 1 }: BrokerFaultsOptions): BrokerFault[] {
  if (only === undefined) {
    const random = seededRandom(seed)
    const [last, others] = [brokerFaults.filter(({ undo }) => undo), brokerFaults.filter(({ undo }) => !undo)]
    const rounds = Math.ceil(minutes / SHORTEST_MINUTES / others.length)
    return [...Array.from({ length: rounds }, () => shuffled(random, others)).flat(), ...last]
  }
  const chosen = brokerFaults.filter(({ name }) => only.includes(name))
  return chosen.flatMap((fault) => Array.from({ length: times }, () => ({ ...fault })))
}
