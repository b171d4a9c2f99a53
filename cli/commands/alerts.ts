import { readConfig } from '../../pipeline/config.ts'
import { readAlerts, type DeliveredAlert } from '../../sql/read-status.ts'
import { duration } from '../../telemetry/time.ts'
import { type CliCommand, positiveWhole } from '../options.ts'
import { print, printJson, terminalWidth } from '../render/terminal.ts'
import { fit, secondTime, wrap } from '../render/text.ts'
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

/** A line with time, severity, stage and name of each alert; below it what to do, or how long it lasted. */
export function renderAlerts(alerts: readonly DeliveredAlert[], width: number): string {
  if (alerts.length === 0) return 'No alert was delivered so far.'
  const lines = alerts.flatMap((each) => {
    const { receivedAt, status, severity, alert, stage } = each
    const state = status === 'firing' ? (severity ?? 'firing') : 'resolved'
    const before = `${secondTime(receivedAt)}  ${fit(state, 8).padEnd(8)}  `
    const name = stage === null ? alert : `${stage}: ${alert}`
    return [before + fit(name, width - before.length), wrap(detail(each), width - 4).replaceAll(/^/gm, '    ')]
  })
  return lines.join('\n')
}

/** The summary of a resolved alert has the values of its end, which do not explain why it fired. */
function detail({ status, summary, startsAt, endsAt }: DeliveredAlert): string {
  if (status === 'firing') return summary ?? 'It says no more.'
  return `It lasted ${duration(endsAt === null ? null : endsAt - startsAt)}.`
}
