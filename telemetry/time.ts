const MAX_DRIFT_MS = 2

let origin = performance.timeOrigin

/**
 * The time of day in milliseconds since the epoch, with microseconds after the decimal point.
 *
 * Work on one message takes microseconds, which `Date.now()` cannot resolve, and the monotonic clock does not follow
 * corrections of the system's clock: so the monotonic clock is used, and set again when the two disagree.
 */
export function now(): number {
  // Rounded here, so that rows, headers and spans have the same digits.
  const fine = Math.round((origin + performance.now()) * 1000) / 1000
  const coarse = Date.now()
  if (Math.abs(fine - coarse) <= MAX_DRIFT_MS) return fine
  origin += coarse - fine
  return coarse
}

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
