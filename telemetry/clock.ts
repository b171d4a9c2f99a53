const DRIFT_MS = 2

let origin = performance.timeOrigin

/**
 * The time of day in milliseconds since the epoch, with microseconds behind the point.
 *
 * Work on one message takes microseconds, which `Date.now()` cannot see, and the monotonic clock does not follow
 * corrections of the system's clock: so the fine clock is used, and set again whenever the two disagree.
 */
export function now(): number {
  // Rounded here, so that rows, headers and spans round no further, each in its own way.
  const fine = Math.round((origin + performance.now()) * 1000) / 1000
  const coarse = Date.now()
  if (Math.abs(fine - coarse) <= DRIFT_MS) return fine
  origin += coarse - fine
  return coarse
}
