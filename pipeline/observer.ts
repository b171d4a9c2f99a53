import type { Message } from './message.ts'
import type { Publication } from './publish.ts'
import type { Route } from './route.ts'
import { formatTraceparent } from './traceparent.ts'

/** Whoever watches a stage, from outside: what it says changes no result. */
export interface Observer {
  /** The traceparent that goes on with a message; undefined for none. */
  readonly traceparent: (message: Message, route: Route) => string | undefined
  /** A batch is saved, published and committed. */
  readonly batchDone: (publication: Publication, route: Route) => void
}

/** Watches nothing; a trace that came with a message goes on with it. */
export const nobody: Observer = {
  traceparent: ({ parent }) => parent && formatTraceparent(parent),
  batchDone: () => undefined,
}
