import type { Config } from '../pipeline/config.ts'
import type { Database } from '../sql/database.ts'
import type { SendInterceptor } from '../kafka/producer.ts'
import { withEntryTracing } from '../telemetry/tracer/entry-tracing.ts'
import { withDatabase } from './with-database.ts'
import { withKafka, type KafkaAccess } from './with-kafka.ts'

/** What a command needs that lets messages in. */
export interface WayIn {
  readonly config: Config
  readonly database: Database
  readonly access: KafkaAccess
  /** Is around every request by which messages enter. */
  readonly intercept: SendInterceptor
}

/**
 * Lends `work` both servers, and gives what it sends a trace.
 * @throws {UserError} when a server is out of reach, or tables or topics are not there
 */
export async function withWayIn(config: Config, work: (way: WayIn) => Promise<void>): Promise<void> {
  await withDatabase(config, (database) =>
    withKafka(config, (access) =>
      withEntryTracing((intercept) => work({ config, database, access, intercept })),
    ),
  )
}
