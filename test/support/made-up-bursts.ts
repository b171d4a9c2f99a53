import { STEP, type Change } from './made-up-history.ts'

/** Means of what a generator does by default: 1 to 20 messages a burst, 1 to 10 seconds between two. */
const ARRIVALS_PER_SECOND = 10.5 / 5.5

/** Always the same draws, 0 to 1. */
function createDraws(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** An hour of a stage that can do this share of what arrives in bursts, a sample every five seconds. */
export function burstyHour(share: number): Change[] {
  const draw = createDraws()
  const arrivals: number[] = []
  for (let at = 0; at < 3600; at += 1 + draw() * 9) {
    const burst = 1 + Math.floor(draw() * 20)
    for (let count = 0; count < burst; count += 1) arrivals.push(at)
  }
  // Each message is done so long after it came, or after the one before it was done.
  let free = 0
  const done = arrivals.map((at) => (free = Math.max(free, at) + 1 / (ARRIVALS_PER_SECOND * share)))
  return Array.from({ length: 3600 / STEP }, (_, index) => {
    const now = index * STEP
    const committed = done.filter((at) => at <= now).length
    const waiting = arrivals.filter((at) => at <= now).length - committed
    return { committed, waiting, age: waiting === 0 ? 0 : now - (arrivals[committed] ?? now) }
  })
}
