/**
 * Milliseconds as a person reads them, about three digits: "0.042 ms", "3.21 ms", "41.3 ms", "1.24 s", "3 min 12 s",
 * "2 h 05 min"; "-" for what is not known.
 */
export function duration(ms: number | null): string {
  if (ms === null) return '-'
  if (ms < 0.0005) return '0 ms'
  if (Math.round(ms) < 1000) return `${threeDigits(ms)} ms`
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`
  return `${Math.floor(minutes / 60).toLocaleString('en-US')} h ${two(minutes % 60)} min`
}

function threeDigits(value: number): string {
  if (value < 0.1) return value.toFixed(3)
  if (value < 10) return value.toFixed(2)
  return value.toFixed(value < 100 ? 1 : 0)
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
