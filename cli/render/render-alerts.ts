import { duration } from './duration.ts'
import { secondTime } from '../iso-time.ts'
import { fit, wrap } from './printable.ts'
import type { DeliveredAlert } from '../../sql/read-alerts.ts'

/** When, whether it fires, what and where; below that what to do, or how long it lasted. */
export function renderAlerts(alerts: readonly DeliveredAlert[], width: number): string {
  return alerts
    .flatMap((alert) => [
      headline(alert, width),
      ...wrap(detail(alert), width - 4).map((line) => `    ${line}`),
    ])
    .join('\n')
}

function headline({ receivedAt, status, severity, alert, stage }: DeliveredAlert, width: number): string {
  const said = status === 'firing' ? (severity ?? 'firing') : 'resolved'
  const what = stage === null ? alert : `${stage}: ${alert}`
  const before = `${secondTime(receivedAt)}  ${fit(said, 8).padEnd(8)}  `
  return before + fit(what, width - before.length)
}

/** What was measured when it ended says nothing of why it fired. */
function detail({ status, summary, startsAt, endsAt }: DeliveredAlert): string {
  if (status === 'firing') return summary ?? 'It says no more.'
  return `It lasted ${duration(endsAt === null ? null : endsAt - startsAt)}.`
}
