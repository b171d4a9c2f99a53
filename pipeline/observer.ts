import type { Publication } from './deliver.ts'
import type { Route } from './route.ts'
import type { SendInterceptor } from '../kafka/producer.ts'

/** Watches a process from outside: what it says changes no result. */
export interface Observer {
  /** Is around every request by which messages enter. */
  readonly entering: SendInterceptor
  /** A batch is saved and published. */
  readonly batchDone: (publication: Publication, route: Route) => void
  /** The process had work for so many seconds since this was told last. */
  readonly wasBusy: (seconds: number) => void
  /** The consumer group has given out its partitions. */
  readonly rebalanced: () => void
  /** Says, whenever it is asked, how many queries wait for a connection to Postgres. */
  readonly poolWaiting: (count: () => number) => void
}

/** Watches nothing. */
export const noopObserver: Observer = {
  entering: (_, send) => send(),
  batchDone: () => undefined,
  wasBusy: () => undefined,
  rebalanced: () => undefined,
  poolWaiting: () => undefined,
}
