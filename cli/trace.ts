import type { Command } from 'commander'
import { exportsTraces, readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
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
      // Here, so that the other processes do not load what exports spans.
      const { exportAttempts } = await import('../telemetry/tracer/export-attempts.ts')
      await withDatabase(config, async (database) => {
        for await (const line of exportAttempts(ids, config, database)) print(line)
      })
    })
}
