import type { Config } from '../pipeline/config.ts'
import type { Database } from '../sql/database.ts'
import type { Observer } from '../pipeline/observer.ts'
import { withTracing } from '../telemetry/with-tracing.ts'
import { withDatabase } from './with-database.ts'
import { withKafka, type KafkaAccess } from './with-kafka.ts'

/** What a command needs that lets messages in. */
export interface WayIn {
  readonly config: Config
  readonly database: Database
  readonly access: KafkaAccess
  readonly observer: Observer
}

/**
 * Lends `work` both servers, and traces what it sends.
 * @param service service.name of the spans
 * @throws {UserError} when a server is out of reach, or tables or topics are not there
 */
export async function withWayIn(
  config: Config,
  service: string,
  work: (way: WayIn) => Promise<void>,
): Promise<void> {
  const onLost = (spans: number) => process.stderr.write(`The trace backend did not take ${spans} span(s).\n`)
  const tracing = { service, config, isEntry: true, onLost }
  await withDatabase(config, (database) =>
    withKafka(config, (access) =>
      withTracing(tracing, (observer) => work({ config, database, access, observer })),
    ),
  )
}
