import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { routes, tracerName } from '../pipeline/route.ts'
import { examples } from './examples.ts'
import { pipelineProcess } from './pipeline-process.ts'

export function addTracer(program: Command): void {
  program
    .command('tracer')
    .summary('export the traces of messages that came to their end')
    .description(
      'Reads the topics where messages end, decides which traces to keep, makes their spans from the rows in Postgres and ' +
        'exports them by OTLP. Kept are those that were sampled where they entered, all dead letters, and messages that ' +
        'took longer than TRACE_SLOWER_THAN seconds. While the backend is away it waits, and catches up later. Without ' +
        'OTEL_EXPORTER_OTLP_ENDPOINT it exports nothing.',
    )
    .addHelpText(
      'after',
      examples(
        [
          'To a Tempo on this machine',
          'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npx throughline tracer',
        ],
        ['Whatever takes longer than a second, too', 'TRACE_SLOWER_THAN=1 npx throughline tracer'],
      ),
    )
    .action(async () => {
      const config = readConfig()
      // Here, so that the other processes do not load what exports spans.
      const { runTracer } = await import('../telemetry/tracer/tracer.ts')
      const place = { stage: tracerName, position: routes(config).length + 1 }
      await pipelineProcess(config, place, (context, stopping, metrics) =>
        runTracer(context, metrics, stopping),
      )
    })
}
