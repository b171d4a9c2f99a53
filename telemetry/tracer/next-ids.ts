import { AsyncLocalStorage } from 'node:async_hooks'
import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace'

/** 32 and 16 hex digits. */
export interface Ids {
  readonly traceId: string
  readonly spanId: string
}

interface Wanted {
  readonly traces: Iterator<string>
  readonly spans: Iterator<string>
}

const wanted = new AsyncLocalStorage<Wanted>()
const random = new RandomIdGenerator()

/** Gives the SDK's spans the ids that {@link withIds} asks for, and random ones otherwise. */
export const idGenerator: IdGenerator = {
  generateTraceId: () => next(wanted.getStore()?.traces) ?? random.generateTraceId(),
  generateSpanId: () => next(wanted.getStore()?.spans) ?? random.generateSpanId(),
}

/** Runs `work`, in which the SDK starts a span for each of these, in this order, so that it gets these ids. */
export function withIds<T>(ids: readonly Ids[], work: () => T): T {
  const [traces, spans] = [ids.map(({ traceId }) => traceId), ids.map((each) => each.spanId)]
  return wanted.run({ traces: traces.values(), spans: spans.values() }, work)
}

function next(ids: Iterator<string> | undefined): string | undefined {
  const id = ids?.next()
  return id?.done === true ? undefined : id?.value
}
