import { type Config, tracesProtocol } from '../../pipeline/config.ts'
import { createLog } from '../log.ts'
import { endTopics } from '../../pipeline/route.ts'
import { UserError } from '../user-error.ts'
import type { Queryable } from '../../sql/database.ts'
import { createResources, createTraceExporter } from './exporter.ts'
import { spansOf } from './spans.ts'
import { readAttempts, readTraceRows } from './trace-rows.ts'

/**
 * Exports the traces of messages as far as they have got: complete steps only.
 * @yields a line for each attempt
 * @throws {UserError} when a message has no row, or the backend refuses the spans or is away
 */
export async function* exportAttempts(ids: readonly string[], config: Config, database: Queryable): AsyncGenerator<string> {
  let refused = 0
  const exporter = await createTraceExporter({
    protocol: tracesProtocol(config),
    log: createLog(config.LOG_LEVEL, {}),
    onRefused: (spans) => (refused += spans),
  })
  const finishTopic = endTopics(config).topics[0]
  const options = { topicPrefix: config.TOPIC_PREFIX, finishTopic, resourceOf: createResources() }
  try {
    for (const id of ids) {
      const attempts = await readAttempts(database, id)
      if (attempts.length === 0) throw new UserError(`No stage has a row of message ${id} yet.`)
      for (const rows of await readTraceRows(database, attempts)) {
        const spans = spansOf(rows, options)
        await exporter.export(spans).catch((cause: unknown) => {
          throw new UserError(`The spans could not be exported: ${String(cause)}`, { cause })
        })
        yield `${id}  attempt ${rows.attempt}: trace ${rows.steps[0]?.traceId}, ${spans.length} span(s)`
      }
    }
  } finally {
    await exporter.close()
  }
  if (refused > 0) throw new UserError(`The trace backend refused ${refused} of the spans.`)
}
