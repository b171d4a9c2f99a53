import { AsyncLocalStorage } from 'node:async_hooks'
import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace'

/** 32 and 16 hex digits. */
export interface Ids {
  readonly traceId: string
  readonly spanId: string
}

const wanted = new AsyncLocalStorage<Ids>()
const random = new RandomIdGenerator()

/** Gives the SDK's spans the ids that {@link withIds} asks for, and random ones otherwise. */
export const idGenerator: IdGenerator = {
  generateTraceId: () => wanted.getStore()?.traceId ?? random.generateTraceId(),
  generateSpanId: () => wanted.getStore()?.spanId ?? random.generateSpanId(),
}

/** Runs `work`, in which the SDK starts one span, so that it gets these ids: the trace of a message is its id. */
export function withIds<T>(ids: Ids, work: () => T): T {
  return wanted.run(ids, work)
}
