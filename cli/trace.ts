import type { Command } from 'commander'
import { exportsTraces, readConfig, tracesProtocol, type Config } from '../pipeline/config.ts'
import { createLog } from '../pipeline/log.ts'
import { endTopics } from '../pipeline/route.ts'
import { UserError } from '../pipeline/user-error.ts'
import type { Queryable } from '../sql/database.ts'
import { createTraceExporter } from '../telemetry/tracer/exporter.ts'
import { createResources } from '../telemetry/tracer/resources.ts'
import { spansOf } from '../telemetry/tracer/spans.ts'
import { readAttempts, readTraceRows } from '../telemetry/tracer/trace-rows.ts'
import { examples } from './examples.ts'
import { messageIds } from './option-parsers.ts'
import { print } from './output.ts'
import { withDatabase } from './with-database.ts'

export function addTrace(program: Command): void {
  program
    .command('trace')
    .summary('export what there is of the traces of messages, now')
    .description(
      'Makes the spans of messages from their rows and exports them by OTLP, whether the traces were sampled or not, and ' +
        'whether the messages have come to their end or not: completed steps only. The ids are those that the tracer gives, ' +
        'so a trace that is exported twice is the same trace. Prints the trace id of each attempt.',
    )
    .argument('<id...>', 'message ids: 32 hex digits, with or without dashes', messageIds)
    .addHelpText(
      'after',
      examples([
        'To a Tempo on this machine',
        'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npx throughline trace ID',
      ]),
    )
    .action(async (ids: readonly string[]) => {
      const config = readConfig()
      if (!exportsTraces()) {
        throw new UserError(
          'Where should the spans go? Set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318.',
        )
      }
      await withDatabase(config, (database) => exportAttempts(ids, config, database))
    })
}

async function exportAttempts(ids: readonly string[], config: Config, database: Queryable): Promise<void> {
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
          throw new UserError(`The trace backend does not take the spans: ${String(cause)}`, { cause })
        })
        print(`${id}  attempt ${rows.attempt}: trace ${rows.steps[0]?.traceId}, ${spans.length} span(s)`)
      }
    }
  } finally {
    await exporter.close()
  }
  if (refused > 0) throw new UserError(`The trace backend refused ${refused} of the spans.`)
}
