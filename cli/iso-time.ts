/** Milliseconds since the epoch, microseconds behind the point, as "2025-11-24T02:30:11.123456Z". */
export function isoTime(ms: number): string {
  const micros = Math.round(ms * 1000)
  const behind = String(micros % 1000).padStart(3, '0')
  return new Date(Math.floor(micros / 1000)).toISOString().replace('Z', `${behind}Z`)
}
