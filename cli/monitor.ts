import type { Command } from 'commander'
import { alertsRoute } from '../monitor/alerts-route.ts'
import { runMonitor } from '../monitor/monitor.ts'
import { readConfig } from '../pipeline/config.ts'
import { routes } from '../pipeline/route.ts'
import { openDatabase } from '../sql/database.ts'
import { examples } from './options.ts'
import { pipelineProcess, type ProcessOptions } from './pipeline-process.ts'

export function addMonitor(program: Command): void {
  program
    .command('monitor')
    .summary('watch the pipeline: backlog, verdicts, what is missing')
    .description(
      'Reads every 5 s how much waits in front of each stage and how old it is, gives each stage a verdict and a ' +
        'summary, compares the counts of the rows with those of the broker, saves all of it in Postgres and shows it ' +
        "at /metrics. It receives the notifications of Grafana's webhook at POST /alerts and removes rows that are older " +
        'than RETENTION days. Of several monitors one is active; another takes over when it ends.',
    )
    .addHelpText(
      'after',
      examples(
        ['One for the whole pipeline', 'npx throughline monitor'],
        ['Where Prometheus and Grafana find it', 'METRICS_PORT=9464 npx throughline monitor'],
      ),
    )
    .action(async () => {
      const config = readConfig()
      // The next query replaces a connection that broke while idle, and reports what is wrong.
      const database = openDatabase(config, 3)
      const position = routes(config).length + 1
      const httpRoutes: ProcessOptions['httpRoutes'] = (metrics, log) => [alertsRoute({ database, metrics, log })]
      try {
        await pipelineProcess(config, { stage: 'monitor', position, httpRoutes }, (context, stopping, metrics) =>
          runMonitor(context, { metrics, database }, stopping),
        )
      } finally {
        await database.end()
      }
    })
}
