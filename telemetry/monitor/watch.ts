import { setTimeout as pause } from 'node:timers/promises'
import type { Surroundings } from '../../pipeline/surroundings.ts'
import type { Metrics } from '../metrics.ts'
import { showReport } from './gauges.ts'
import { keepReport } from './keep.ts'
import { createMemory, type Memory } from './memory.ts'
import { asking, observe, type Sources } from './observe.ts'
import { report, type Report } from './report.ts'
import { removeOld } from './retention.ts'
import type { Seat } from './seat.ts'
import { isBad, type Verdict } from './verdict.ts'

/** Seconds. A test lets time pass faster. */
export interface Pace {
  readonly every: number
  /** For how long the two accounts have to disagree until messages are missing. */
  readonly patience: number
  /** Between two looks for rows that are too old. */
  readonly sweepEvery: number
}

export interface Watch extends Surroundings {
  readonly metrics: Metrics
  readonly sources: Sources
  readonly seat: Seat
  readonly pace: Pace
}

/** Looks again and again while the seat is ours, until it is told to stop. */
export async function watch(watching: Watch, stopping: AbortSignal): Promise<void> {
  const { metrics, sources, seat, pace, health, log } = watching
  const memory = createMemory()
  const words = new Map<string, Verdict>()
  let isActive: boolean | undefined
  let nextSweep = 0
  while (!stopping.aborted) {
    const begun = seconds()
    // While Postgres is away nobody can take the seat: whoever had it goes on.
    const isHeld = (await asking(sources.postgres, seat.hold)) ?? isActive ?? false
    if (isHeld !== isActive) {
      log.info(isHeld ? 'Watching.' : 'Another monitor is watching: standing by.')
      memory.clear()
      isActive = isHeld
    }
    const latest = isHeld ? await look(watching, memory) : undefined
    showReport(latest, metrics)
    tell(latest, words, watching)
    if (isHeld && begun >= nextSweep)
      nextSweep = begun + ((await sweep(watching)) ? pace.every : pace.sweepEvery)
    health.connected(true)
    health.progressed()
    const rest = Math.max(0, begun + pace.every - seconds())
    await pause(rest * 1000, undefined, { signal: stopping }).catch(() => {})
  }
}

const seconds = () => performance.now() / 1000

async function look({ sources, pace, metrics }: Watch, memory: Memory): Promise<Report> {
  await observe(sources, memory)
  const latest = memory.samples.at(-1)
  if (latest !== undefined) metrics.set('throughline_sampled_at_seconds', latest.wallMs / 1000)
  const now = { at: seconds(), wallMs: Date.now() }
  const made = report(sources.flow, memory, now, pace.patience)
  await asking(sources.postgres, () => keepReport(made, sources.database))
  return made
}

/** The log has a line whenever a stage gets into trouble or out of it. */
function tell(made: Report | undefined, words: Map<string, Verdict>, { log }: Watch): void {
  for (const { stage, verdict, sentence } of made?.stages ?? []) {
    const before = words.get(stage) ?? 'OK'
    words.set(stage, verdict)
    if (verdict === before) continue
    if (isBad(verdict)) log.warn({ watched: stage, verdict }, sentence)
    else if (isBad(before)) log.info({ watched: stage, verdict }, sentence)
  }
}

/** Returns whether there may be more to remove. */
async function sweep({ sources, config, metrics }: Watch): Promise<boolean> {
  const removed = await asking(sources.postgres, () => removeOld(sources.database, config.RETENTION))
  for (const [table, count] of removed ?? [])
    metrics.count('throughline_rows_removed_total', count, { table })
  return removed !== undefined && removed.size > 0
}
