/** Milliseconds since the epoch, microseconds behind the point, as "2025-11-24T02:30:11.123456Z". */
export function isoTime(ms: number): string {
  const micros = Math.round(ms * 1000)
  const behind = String(micros % 1000).padStart(3, '0')
  return new Date(Math.floor(micros / 1000)).toISOString().replace('Z', `${behind}Z`)
}

/** The same to the second, for a person: "2025-11-24 02:30:11Z". */
export function secondTime(ms: number): string {
  return `${isoTime(ms).slice(0, 19).replace('T', ' ')}Z`
}
