import type { DeliveredAlert } from '../../sql/read-alerts.ts'
import { duration } from '../../telemetry/time.ts'
import { fit, isoTime, isoTimeOrNull, secondTime, wrap } from './text.ts'

/** The values that JSON.stringify writes. */
export function alertJson(alert: DeliveredAlert): unknown {
  return {
    ...alert,
    receivedAt: isoTime(alert.receivedAt),
    startsAt: isoTime(alert.startsAt),
    endsAt: isoTimeOrNull(alert.endsAt),
  }
}

/** A line with time, severity, stage and name of each alert; below it what to do, or how long it lasted. */
export function renderAlerts(alerts: readonly DeliveredAlert[], width: number): string {
  return alerts
    .flatMap((alert) => [headline(alert, width), ...wrap(detail(alert), width - 4).map((line) => `    ${line}`)])
    .join('\n')
}

function headline({ receivedAt, status, severity, alert, stage }: DeliveredAlert, width: number): string {
  const state = status === 'firing' ? (severity ?? 'firing') : 'resolved'
  const name = stage === null ? alert : `${stage}: ${alert}`
  const before = `${secondTime(receivedAt)}  ${fit(state, 8).padEnd(8)}  `
  return before + fit(name, width - before.length)
}

/** The summary of a resolved alert has the values of its end, which do not explain why it fired. */
function detail({ status, summary, startsAt, endsAt }: DeliveredAlert): string {
  if (status === 'firing') return summary ?? 'It says no more.'
  return `It lasted ${duration(endsAt === null ? null : endsAt - startsAt)}.`
}
