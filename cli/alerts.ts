import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { examples } from './examples.ts'
import { isoTime } from './iso-time.ts'
import { positiveWhole } from './option-parsers.ts'
import { look, print, printJson } from './output.ts'
import { withDatabase } from './with-database.ts'
import { readAlerts, type DeliveredAlert } from '../sql/read-alerts.ts'
import { renderAlerts } from './render/render-alerts.ts'

interface Options {
  readonly limit: number
  readonly json?: true
}

export function addAlerts(program: Command): void {
  program
    .command('alerts')
    .summary('what somebody was told: alerts that fired and were resolved')
    .description(
      'Lists the alerts that Grafana has delivered to the monitor, newest first: when, how bad, which and at which ' +
        'stage, and what to do about it; for one that is resolved, how long it lasted.',
    )
    .option('-n, --limit <n>', 'how many to list', positiveWhole, 20)
    .option('--json', 'print values, whole')
    .addHelpText(
      'after',
      examples(
        ['The last five', 'npx throughline alerts -n 5'],
        ['For a program', 'npx throughline alerts --json'],
      ),
    )
    .action(async ({ limit, json }: Options) => {
      const alerts = await withDatabase(readConfig(), (database) => readAlerts(database, limit))
      if (json) printJson(alerts.map(alertJson))
      else if (alerts.length > 0) print(renderAlerts(alerts, look().width))
      else print('No alert was delivered so far.')
    })
}

function alertJson({ receivedAt, startsAt, endsAt, ...rest }: DeliveredAlert): unknown {
  return {
    ...rest,
    receivedAt: isoTime(receivedAt),
    startsAt: isoTime(startsAt),
    endsAt: endsAt === null ? null : isoTime(endsAt),
  }
}
