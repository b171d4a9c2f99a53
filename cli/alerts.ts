import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { readAlerts } from '../sql/read-alerts.ts'
import { examples, positiveWhole } from './options.ts'
import { alertJson, renderAlerts } from './render/render-alerts.ts'
import { print, printJson, terminal } from './render/terminal.ts'
import { withDatabase } from './servers.ts'

export function addAlerts(program: Command): void {
  program
    .command('alerts')
    .summary('alerts that Grafana delivered, fired and resolved')
    .description(
      'Lists the alerts that Grafana has delivered to the monitor, newest first: time, severity, name and ' +
        'stage, and what to do about it; for one that is resolved, how long it lasted.',
    )
    .option('-n, --limit <n>', 'how many to list', positiveWhole, 20)
    .option('--json', 'print all values')
    .addHelpText(
      'after',
      examples(['The last five', 'npx throughline alerts -n 5'], ['For a program', 'npx throughline alerts --json']),
    )
    .action(async ({ limit, json }: { limit: number; json?: true }) => {
      const alerts = await withDatabase(readConfig(), (database) => readAlerts(database, limit))
      if (json) printJson(alerts.map(alertJson))
      else if (alerts.length > 0) print(renderAlerts(alerts, terminal().width))
      else print('No alert was delivered so far.')
    })
}
