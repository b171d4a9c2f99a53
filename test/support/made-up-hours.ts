import { readConfig } from '../../pipeline/config.ts'
import { createMetrics, type Metrics } from '../../telemetry/metrics.ts'
import { showReport } from '../../monitor/gauges.ts'
import { createMemory, type Memory } from '../../monitor/memory.ts'
import { monitoredGroups } from '../../monitor/monitored-groups.ts'
import { report } from '../../monitor/report.ts'
import { createQueue, fateOf, type Fates } from './made-up-stages.ts'

/** What happens at a moment of made-up hours. */
export interface Happening {
  readonly fates?: Fates
  /** The monitor is not running. */
  readonly unwatched?: true
  /** For how many days the monitor has made partitions, 3 if not given. */
  readonly daysAhead?: number
}

export interface Hours {
  /** Seconds since the epoch. */
  readonly begin: number
  readonly seconds: number
  /** Seconds between two looks and scrapes. */
  readonly step: number
  readonly happening: (second: number) => Happening
  /** Whose pages are scraped, when it is not everybody's: to make a day up takes its time. */
  readonly only?: 'monitor'
}

const groups = monitoredGroups(readConfig({}), true)
const stageCount = groups.filter(({ isStage }) => isStage).length

/**
 * The hours as Prometheus would have scraped them, in the text format of OpenMetrics: the queues are made up, and all that
 * is said of them comes from the project's own code, verdicts and names of metrics too.
 * @param wanted names of the metrics to keep
 */
export async function madeUpHours(hours: Hours, wanted: ReadonlySet<string>): Promise<string[]> {
  const { begin, seconds, step, happening, only } = hours
  const processes = groups.map(({ name, position, isStage }) => {
    const metrics = createMetrics({ stage: name, position })
    return { name, isStage, isLast: position === stageCount, metrics, queue: createQueue() }
  })
  const account = { stages: [], entered: 0, finished: 0, dead: 0, duplicates: 0, unsent: 0 }
  const lines: string[] = []
  let monitor: { metrics: Metrics; memory: Memory } | undefined
  for (let second = 0; second <= seconds; second += step) {
    const { fates = {}, unwatched, daysAhead = 3 } = happening(second)
    const at = begin + second
    for (const { name, isStage, isLast, metrics, queue } of processes) {
      const fate = fateOf(name, fates)
      queue.pass(fate, at * 1000)
      const letter = { outcome: 'dead', reason: 'not-json' }
      if (isStage) metrics.count('throughline_messages_total', fate.deadLetters, letter)
      if (isLast && fate.arrive > 0) metrics.observe('throughline_end_to_end_seconds', [fate.seconds], Number)
      if (fate.members > 0 && only === undefined)
        lines.push(...(await scraped(metrics, { name, at, wanted })))
    }
    if (unwatched) {
      monitor = undefined
      continue
    }
    monitor ??= { metrics: createMetrics({ stage: 'monitor', position: 7 }), memory: createMemory() }
    const { metrics, memory } = monitor
    const sampled = new Map(processes.map(({ name, queue }) => [name, queue.sample(fateOf(name, fates))]))
    const missing = new Map(processes.map(({ name }) => [name, fateOf(name, fates).missing]))
    memory.addSample({ at, wallMs: at * 1000, groups: sampled })
    memory.addAccount({ at, account, missing })
    showReport(report(groups, memory, at), metrics)
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

/** A page of /metrics with what Prometheus adds: its own labels, and when. */
async function scraped(metrics: Metrics, { name, at, wanted }: Scrape): Promise<string[]> {
  const { text } = await metrics.page('')
  return text
    .split('\n')
    .filter((line) => wanted.has(line.slice(0, line.indexOf('{'))))
    .map((line) => `${line.replace('{', `{job="throughline",instance="${name}:9464",`)} ${at}`)
}
