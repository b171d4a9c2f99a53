import type { Message } from './message.ts'
import type { Publication } from './deliver.ts'
import type { Route } from './route.ts'
import type { SendInterceptor } from '../kafka/producer.ts'
import { formatTraceparent } from './traceparent.ts'

/** Watches a process from outside: what it says changes no result. */
export interface Observer {
  /** Is around every request by which messages enter. */
  readonly entering: SendInterceptor
  /** The traceparent that goes on with a message; undefined for none. */
  readonly traceparent: (message: Message, route: Route) => string | undefined
  /** A batch is saved and published. */
  readonly batchDone: (publication: Publication, route: Route) => void
  /** The process had work for so many seconds since this was told last. */
  readonly wasBusy: (seconds: number) => void
  /** The consumer group has given out its partitions. */
  readonly rebalanced: () => void
  /** Says, whenever it is asked, how many queries wait for a connection to Postgres. */
  readonly poolWaiting: (count: () => number) => void
}

/** Watches nothing; a trace that came with a message goes on with it. */
export const nobody: Observer = {
  entering: (_, send) => send(),
  traceparent: ({ parent }) => parent && formatTraceparent(parent),
  batchDone: () => undefined,
  wasBusy: () => undefined,
  rebalanced: () => undefined,
  poolWaiting: () => undefined,
}
