import type { DeliveredAlert } from '../../sql/read-status.ts'
import { duration } from '../../telemetry/time.ts'
import { fit, secondTime, wrap } from './text.ts'

const INDENT = '    '

/** A line with time, severity, stage and name of each alert; below it what to do, or how long it lasted. */
export function renderAlerts(alerts: readonly DeliveredAlert[], width: number): string {
  if (alerts.length === 0) return 'No alert was delivered so far.'
  return alerts
    .flatMap((alert) => {
      const lines = wrap(detail(alert), width - INDENT.length)
      return [headline(alert, width), lines.replaceAll(/^/gm, INDENT)]
    })
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
