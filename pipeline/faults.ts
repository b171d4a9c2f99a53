import { addEffects, readFaults, type FaultName, type FaultSetting } from '../sql/scenarios.ts'
import type { Database } from '../sql/database.ts'
import type { Outcome } from '../sql/outcome.ts'
import { now } from '../telemetry/time.ts'
import { sleep } from '../telemetry/wait-until.ts'
import type { ConsumerProcess } from './consumer-process.ts'
import type { StageContext } from './deliver.ts'
import type { ProcessContext } from './process.ts'
import type { Retry } from './retry.ts'

const READ_EVERY_MS = 1000

/** A lease as this process holds it: until `endsAt` on its own clock, also while Postgres does not answer. */
interface HeldLease {
  readonly id: number
  readonly name: string
  readonly fault: FaultName
  readonly setting: FaultSetting
  readonly endsAt: number
  /** Effects that are not added to the row yet. */
  effects: number
}

/** The parts of a stage's process, each with the faults that scenarios inject into it. */
export interface Faults {
  /** `slow`: every message takes longer, without work for the processor, so heartbeats go on. */
  readonly compute: (compute: StageContext['compute']) => StageContext['compute']
  /** `flaky`: a share of the computations fails once, and the batch is tried again. */
  readonly handleBatch: (handleBatch: ConsumerProcess['handleBatch']) => ConsumerProcess['handleBatch']
  /** `stop`: the process leaves its consumer group, and joins it again when the lease ends. */
  readonly consume: (consume: (stopping: AbortSignal) => Promise<void>) => Promise<void>
}

/**
 * Reads every second which faults scenarios inject into a stage. Only for SCENARIOS=on: otherwise the process does without all of
 * this.
 */
export function injectFaults(context: ProcessContext, options: LeaseOptions, stopping: AbortSignal): Faults {
  const leases = holdLeases(options)
  return {
    compute: (compute) => (message, signal) => {
      const lease = leases.find('slow')
      return lease === undefined ? compute(message, signal) : delay(lease, compute(message, signal), signal)
    },
    handleBatch: (handleBatch) => async (batch, retry) => {
      const lease = leases.find('flaky')
      const isFailing = () => Math.random() < (lease?.setting.share ?? 0)
      if (lease !== undefined && batch.messages.some(isFailing)) await failOnce(lease, retry)
      return await handleBatch(batch, retry)
    },
    async consume(consume) {
      const ended = new AbortController()
      let leaving = new AbortController()
      const onRead = () => {
        const stop = leases.find('stop')
        if (stop !== undefined) leaving.abort(new Error(`The scenario ${stop.name} stops this process`))
      }
      void leases.readForEver(onRead, AbortSignal.any([stopping, ended.signal]))
      try {
        while (!stopping.aborted) {
          leaving = new AbortController()
          await consume(AbortSignal.any([stopping, leaving.signal]))
          if (!stopping.aborted) await stayAway(leases, context, stopping)
        }
      } finally {
        ended.abort()
      }
    },
  }
}

interface LeaseOptions {
  readonly database: Database
  readonly stage: string
}

type Leases = ReturnType<typeof holdLeases>

function holdLeases({ database, stage }: LeaseOptions) {
  let held: readonly HeldLease[] = []
  /** Tells the table what the leases have done, and reads which there are now. */
  const renew = async () => {
    const leases = await readFaults(database, stage)
    const known = new Map(held.map((lease) => [lease.id, lease]))
    for (const { id } of leases) {
      const lease = known.get(id)
      const count = lease?.effects ?? 0
      if (lease === undefined || count > 0) await addEffects(database, id, count)
      if (lease !== undefined) lease.effects -= count
    }
    held = leases.map(({ leftMs, ...lease }) =>
      Object.assign(lease, { endsAt: performance.now() + leftMs, effects: known.get(lease.id)?.effects ?? 0 }),
    )
  }
  return {
    find: (fault: FaultName) => held.find((lease) => lease.fault === fault && lease.endsAt > performance.now()),
    async readForEver(onRead: () => void, signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        // Batches report the outages of Postgres.
        await renew().then(onRead, () => {})
        await sleep(READ_EVERY_MS, signal)
      }
    },
  }
}

async function stayAway(leases: Leases, { log, health }: ProcessContext, stopping: AbortSignal): Promise<void> {
  log.warn(`The scenario ${leases.find('stop')?.name} stops this process: it has left its consumer group.`)
  health.connected(false)
  while (leases.find('stop') !== undefined && !stopping.aborted) {
    health.progressed()
    await sleep(100, stopping)
  }
  log.info('The scenario is over: joining the consumer group again.')
}

async function delay(lease: HeldLease, computed: Outcome | Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  lease.effects += 1
  const outcome = await computed
  await sleep(lease.setting.ms ?? 0, signal)
  // The delay counts as work.
  return { ...outcome, computedAt: Math.max(now(), outcome.startedAt) }
}

async function failOnce(lease: HeldLease, retry: Retry): Promise<void> {
  let hasFailed = false
  const fail = () => {
    if (hasFailed) return Promise.resolve()
    hasFailed = true
    lease.effects += 1
    return Promise.reject(new Error(`the scenario ${lease.name} lets it fail once`))
  }
  await retry((withServer) => withServer('The computation', fail))
}
