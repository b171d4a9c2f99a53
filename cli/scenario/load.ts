import type { Config } from '../../pipeline/config.ts'
import { newInput, randomBody } from '../../pipeline/ingress/generator.ts'
import { ownHeaders } from '../../pipeline/headers.ts'
import { newMessageId } from '../../pipeline/message.ts'
import { submit, type Ingress } from '../../pipeline/ingress/outbox.ts'
import { sleep, waitUntil } from '../../telemetry/wait-until.ts'

/** How a scenario sends messages. */
export interface Load {
  /** A body with random numbers. */
  body(): string
  /** Submits so many messages at once, spread over the partitions; `times` publishes each so often. */
  submit(count: number, times?: number): Promise<void>
  /** Submits `perSecond` messages a second on each of the first `partitions` (4 by default), until the scenario is over. */
  steadily(perSecond: number, partitions?: number): Promise<void>
  /** Publishes bodies on the first topic as a foreign client does, without a row in `inputs`. */
  publish(bodies: readonly Buffer[]): Promise<void>
  /** Resolves when Postgres does not answer. */
  untilAway(): Promise<void>
}

interface LoadOptions {
  readonly config: Config
  readonly ingress: Ingress
  /** Partitions of the first topic. */
  readonly partitions: number
  readonly isAway: () => boolean
  /** Gets the ids of messages that enter. */
  readonly onSent: (ids: readonly string[]) => void
  readonly signal: AbortSignal
}

const MAX_SUBMIT = 500

export function createLoad({ config, ingress, partitions, isAway, onSent, signal }: LoadOptions): Load {
  const enter = async (count: number, { spread = partitions, times = 1 } = {}) => {
    const inputs = Array.from({ length: count }, (_, index) => newInput(randomBody(config), index % spread))
    onSent(inputs.map(({ id }) => id))
    // Rows that exist stay as they are, and the records are published again.
    for (let time = 0; time < times; time += 1) await submit(inputs, ingress)
  }
  return {
    body: () => randomBody(config),
    async submit(count, times) {
      for (let left = count; left > 0; left -= MAX_SUBMIT) {
        await enter(Math.min(left, MAX_SUBMIT), times === undefined ? {} : { times })
      }
    },
    async steadily(perSecond, most = 4) {
      const spread = Math.min(most, partitions)
      const begun = performance.now()
      for (let tick = 0; !signal.aborted; tick += 1) {
        await enter(spread, { spread })
        await sleep(Math.max(0, begun + ((tick + 1) * 1000) / perSecond - performance.now()), signal)
      }
    },
    async publish(bodies) {
      const records = bodies.map((value, index) => {
        return { partition: index % partitions, key: null, value, headers: { [ownHeaders.id]: newMessageId() } }
      })
      onSent(records.map(({ headers }) => headers[ownHeaders.id] ?? ''))
      await ingress.sender.send(ingress.topic, records)
    },
    async untilAway() {
      await waitUntil('Postgres is away', isAway, { timeoutMs: Infinity, everyMs: 100, signal })
    },
  }
}
