import { alertsRoute } from '../../monitor/alerts-route.ts'
import { runMonitor } from '../../monitor/monitor.ts'
import { readConfig } from '../../pipeline/config.ts'
import { routes } from '../../pipeline/route.ts'
import type { CliCommand } from '../options.ts'
import { pipelineProcess } from '../pipeline-process.ts'
import { withDatabase } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('watch the pipeline: backlog, verdicts, what is missing')
    .description(
      'Reads every 5 s how much waits in front of each stage and how old it is, gives each stage a verdict and a ' +
        'summary, compares the counts of the rows with those of the broker, saves all of it in Postgres and shows it ' +
        "at /metrics. It receives the notifications of Grafana's webhook at POST /alerts and removes rows that are older " +
        'than RETENTION days. Of several monitors one is active; another takes over when it ends.',
    )
    .examples({
      'One for the whole pipeline': 'npx throughline monitor',
      'Where Prometheus and Grafana find it': 'METRICS_PORT=9464 npx throughline monitor',
    })
    .action(async () => {
      const config = readConfig()
      const position = routes(config).length + 1
      await withDatabase(config, (database) =>
        pipelineProcess(
          config,
          { stage: 'monitor', position, httpRoutes: (metrics, log) => [alertsRoute({ database, metrics, log })] },
          (context, stopping) => runMonitor(context, { database }, stopping),
        ),
      )
    })
}
