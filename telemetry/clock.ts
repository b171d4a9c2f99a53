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
