import { readConfig } from '../../pipeline/config.ts'
import { readAlerts } from '../../sql/read-status.ts'
import { type CliCommand, positiveWhole } from '../options.ts'
import { renderAlerts } from '../render/render-alerts.ts'
import { print, printJson, terminalWidth } from '../render/terminal.ts'
import { withDatabase } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('alerts that Grafana delivered, fired and resolved')
    .description(
      'Lists the alerts that Grafana has delivered to the monitor, newest first: time, severity, name and ' +
        'stage, and what to do about it; for one that is resolved, how long it lasted.',
    )
    .option('-n, --limit <n>', 'how many to list', positiveWhole, 20)
    .option('--json', 'print all values')
    .examples({
      'The last five': 'npx throughline alerts -n 5',
      'For a program': 'npx throughline alerts --json',
    })
    .action(async ({ limit, json }: { limit: number; json?: true }) => {
      const alerts = await withDatabase(readConfig(), (database) => readAlerts(database, limit))
      if (json) printJson(alerts)
      else print(renderAlerts(alerts, terminalWidth()))
    })
}
