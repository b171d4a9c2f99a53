import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { openDatabase } from '../sql/database.ts'
import { routes } from '../pipeline/route.ts'
import { answerAlerts } from '../monitor/alerts-door.ts'
import { runMonitor } from '../monitor/monitor.ts'
import { examples } from './examples.ts'
import { pipelineProcess, type ProcessPlace } from './pipeline-process.ts'

export function addMonitor(program: Command): void {
  program
    .command('monitor')
    .summary('watch the pipeline: backlog, verdicts, what is missing')
    .description(
      'Looks every 5 s at what waits in front of each stage and how old it is, says in a word and a sentence how the ' +
        'stage is, compares the account of the rows with that of the broker, keeps all of it in Postgres and shows it ' +
        "at /metrics. It takes the notifications of Grafana's webhook at POST /alerts and removes rows that are older " +
        'than RETENTION days. Of several monitors one watches; another takes over when it ends.',
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
      await using stack = new AsyncDisposableStack()
      // A connection that breaks while idle is replaced by the next query, which says what is wrong.
      const database = stack.adopt(
        openDatabase(config, 3, () => {}),
        (pool) => pool.end(),
      )
      const doors: ProcessPlace['doors'] = (metrics, log) => [
        {
          path: '/alerts',
          answer: (request, response) => answerAlerts(request, response, { database, metrics, log }),
        },
      ]
      const place = { stage: 'monitor', position: routes(config).length + 1, doors }
      await pipelineProcess(config, place, (context, stopping, metrics) =>
        runMonitor(context, { metrics, database }, stopping),
      )
    })
}
