import { countPartitions } from '../../kafka/topics.ts'
import type { Config } from '../../pipeline/config.ts'
import { newInput, randomBody } from '../../pipeline/ingress/generator.ts'
import { ownHeaders } from '../../pipeline/headers.ts'
import { newMessageId } from '../../pipeline/message.ts'
import { submit, type Ingress } from '../../pipeline/ingress/outbox.ts'
import { sleep, waitUntil } from '../../telemetry/wait-until.ts'
import type { Servers } from '../servers.ts'

const MAX_SUBMIT = 500

export type Load = Awaited<ReturnType<typeof createLoad>>

interface LoadOptions {
  readonly config: Config
  readonly servers: Servers
  readonly ingress: Ingress
  readonly isAway: () => boolean
  /** Gets the ids of messages that enter. */
  readonly onSent: (ids: readonly string[]) => void
  readonly signal: AbortSignal
}

/** How a scenario sends messages, until the signal is aborted. */
export async function createLoad({ config, servers, ingress, isAway, onSent, signal }: LoadOptions) {
  const partitions = await countPartitions(servers.admin, ingress.topic)
  const enter = async (count: number, { spread = partitions, times = 1 } = {}) => {
    const inputs = Array.from({ length: count }, (_, index) => newInput(randomBody(config), index % spread))
    onSent(inputs.map(({ id }) => id))
    // Rows that exist stay as they are, and the records are published again.
    for (let time = 0; time < times; time += 1) await submit(inputs, ingress)
  }
  return {
    /** A body with random numbers. */
    body: () => randomBody(config),
    /** Submits so many messages at once, spread over the partitions; `times` publishes each so often. */
    async submit(count: number, times = 1) {
      for (let left = count; left > 0; left -= MAX_SUBMIT) await enter(Math.min(left, MAX_SUBMIT), { times })
    },
    /** Submits `perSecond` messages a second on each of the first `most` partitions, until the scenario is over. */
    async steadily(perSecond: number, most = 4) {
      const spread = Math.min(most, partitions)
      const begun = performance.now()
      for (let tick = 0; !signal.aborted; tick += 1) {
        await enter(spread, { spread })
        await sleep(Math.max(0, begun + ((tick + 1) * 1000) / perSecond - performance.now()), signal)
      }
    },
    /** Publishes bodies on the first topic as a foreign client does, without a row in `inputs`. */
    async publish(bodies: readonly Buffer[]) {
      const records = bodies.map((value, index) => {
        return { partition: index % partitions, key: null, value, headers: { [ownHeaders.id]: newMessageId() } }
      })
      onSent(records.map(({ headers }) => headers[ownHeaders.id] ?? ''))
      await ingress.sender.send(ingress.topic, records)
    },
    /** Resolves when Postgres does not answer. */
    async untilAway() {
      await waitUntil('Postgres is away', isAway, { timeoutMs: Infinity, everyMs: 100, signal })
    },
  }
}
