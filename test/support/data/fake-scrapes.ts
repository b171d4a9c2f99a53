import { readConfig } from '../../../pipeline/config.ts'
import { createMetrics, type Metrics } from '../../../telemetry/metrics.ts'
import { setGauges } from '../../../monitor/report-output.ts'
import { monitoredGroups } from '../../../pipeline/route.ts'
import { report } from '../../../monitor/report.ts'
import { slide, type SlidingWindow } from '../../../monitor/samples.ts'
import { createFakeQueue, loadOf, type Loads } from './fake-queue.ts'

/** The simulated conditions at one time. */
export interface Conditions {
  /** The stages whose load is not the default. */
  readonly loads?: Loads
  /** The monitor is not running. */
  readonly isMonitorDown?: true
  /** Days for which partitions exist; 3 by default. */
  readonly daysAhead?: number
}

export interface ScrapeOptions {
  /** Seconds since the epoch. */
  readonly begin: number
  readonly seconds: number
  /** Seconds between two samples and scrapes. */
  readonly step: number
  readonly conditionsAt: (second: number) => Conditions
  /** Scrapes only the monitor, which makes long simulations faster. */
  readonly only?: 'monitor'
}

const groups = monitoredGroups(readConfig({}), true)
const stageCount = groups.filter(({ isStage }) => isStage).length

/**
 * Simulated scrapes as OpenMetrics text. The queues are fake; verdicts and metrics come from the monitor's own code.
 * @param wanted names of the metrics to keep
 */
export async function fakeScrapes(options: ScrapeOptions, wanted: ReadonlySet<string>): Promise<string[]> {
  const { begin, seconds, step, conditionsAt, only } = options
  const processes = groups.map(({ name, position, isStage }) => {
    const metrics = createMetrics({ stage: name, position })
    return { name, isStage, isLast: position === stageCount, metrics, queue: createFakeQueue() }
  })
  const totals = { stages: new Map(), messages: { entered: 0, finished: 0, dead: 0, duplicates: 0, unsent: 0 } }
  const lines: string[] = []
  let monitor: { metrics: Metrics; window: SlidingWindow } | undefined
  for (let second = 0; second <= seconds; second += step) {
    const { loads = {}, isMonitorDown, daysAhead = 3 } = conditionsAt(second)
    const at = begin + second
    for (const { name, isStage, isLast, metrics, queue } of processes) {
      const load = loadOf(name, loads)
      queue.pass(load, at * 1000)
      const letter = { outcome: 'dead', reason: 'not-json' }
      if (isStage) metrics.count('throughline_messages_total', load.deadLetters, letter)
      if (isLast && load.arrive > 0) metrics.observe('throughline_end_to_end_seconds', [load.seconds], Number)
      if (load.members > 0 && only === undefined) lines.push(...(await scraped(metrics, { name, at, wanted })))
    }
    if (isMonitorDown) {
      monitor = undefined
      continue
    }
    monitor ??= {
      metrics: createMetrics({ stage: 'monitor', position: 7 }),
      window: { samples: [], ledgerSamples: [] },
    }
    const { metrics, window } = monitor
    const sampled = new Map(processes.map(({ name, queue }) => [name, queue.sample(loadOf(name, loads))]))
    const missing = new Map(processes.map(({ name }) => [name, loadOf(name, loads).missing]))
    window.samples = slide(window.samples, { at, wallMs: at * 1000, groups: sampled })
    window.ledgerSamples = slide(window.ledgerSamples, { at, totals, missing })
    setGauges(report(groups, window, { now: at }), metrics)
    metrics.set('throughline_partitions_ahead_days', daysAhead)
    lines.push(...(await scraped(metrics, { name: 'monitor', at, wanted })))
  }
  return lines
}

interface Scrape {
  readonly name: string
  readonly at: number
  readonly wanted: ReadonlySet<string>
}

/** The lines of /metrics with the labels and the timestamp that Prometheus adds. */
async function scraped(metrics: Metrics, { name, at, wanted }: Scrape): Promise<string[]> {
  const { text } = await metrics.page('')
  return text
    .split('\n')
    .filter((line) => wanted.has(line.slice(0, line.indexOf('{'))))
    .map((line) => `${line.replace('{', `{job="throughline",instance="${name}:9464",`)} ${at}`)
}
