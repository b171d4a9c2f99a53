const DRIFT_MS = 2

let origin = performance.timeOrigin

/**
 * The time of day in milliseconds since the epoch, with microseconds behind the point.
 *
 * Work on one message takes microseconds, which `Date.now()` cannot see, and the monotonic clock does not follow
 * corrections of the system's clock: so the fine clock is used, and set again whenever the two disagree.
 */
export function now(): number {
  const fine = origin + performance.now()
  const coarse = Date.now()
  if (Math.abs(fine - coarse) <= DRIFT_MS) return fine
  origin += coarse - fine
  return coarse
}
