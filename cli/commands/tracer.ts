import { readConfig } from '../../pipeline/config.ts'
import { routes, tracerName } from '../../pipeline/route.ts'
import type { CliCommand } from '../options.ts'
import { pipelineProcess } from '../pipeline-process.ts'

export function define(command: CliCommand): void {
  command
    .summary('export the traces of messages that have ended')
    .description(
      'Reads the topics where messages end, decides which traces to keep, makes their spans from the rows in Postgres and ' +
        'exports them by OTLP. It keeps those that were sampled where they entered, all dead letters, and messages that ' +
        'took longer than TRACE_SLOWER_THAN seconds. While the backend is away it waits, and catches up later. Without ' +
        'OTEL_EXPORTER_OTLP_ENDPOINT it exports nothing.',
    )
    .examples({
      'To a Tempo on this machine': 'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npx throughline tracer',
      'Also each that takes longer than a second': 'TRACE_SLOWER_THAN=1 npx throughline tracer',
    })
    .action(async () => {
      const config = readConfig()
      // A dynamic import, so that `throughline --help` does not load OpenTelemetry.
      const { runTracer } = await import('../../telemetry/tracer/tracer.ts')
      const position = routes(config).length + 1
      await pipelineProcess(config, { stage: tracerName, position }, runTracer)
    })
}
