import { exportsTraces, readConfig } from '../../pipeline/config.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { type CliCommand, messageIds } from '../options.ts'
import { print } from '../render/terminal.ts'
import { withDatabase } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('export traces of messages now')
    .description(
      'Makes the spans of messages from their rows and exports them by OTLP, sampled or not, ended or not: completed ' +
        'steps only. The ids are those that the tracer gives, so a trace that is exported twice is the same trace, but ' +
        'its spans count twice in the metrics that Tempo makes of spans. Prints the trace id of each attempt.',
    )
    .argument('<id...>', 'message ids: 32 hex digits, with or without dashes', messageIds)
    .examples({
      'To a Tempo on this machine': 'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npx throughline trace ID',
    })
    .action(async (ids: readonly string[]) => {
      const config = readConfig()
      if (!exportsTraces()) {
        throw new UserError(
          'Where should the spans go? Set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318, and neither ' +
            'OTEL_SDK_DISABLED nor OTEL_TRACES_EXPORTER=none.',
        )
      }
      // A dynamic import, so that `throughline --help` does not load OpenTelemetry.
      const { exportAttempts } = await import('../../telemetry/tracer/tracer.ts')
      await withDatabase(config, async (database) => {
        for await (const line of exportAttempts(ids, config, database)) print(line)
      })
    })
}
