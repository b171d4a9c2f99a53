import type { Config } from '../pipeline/config.ts'
import { endTopics, routes, tracerName } from '../pipeline/route.ts'

/** A consumer group whose backlog is monitored: a stage's, or the tracer's. */
export interface MonitoredGroup {
  /** The stage, or `tracer`. */
  readonly name: string
  /** 1 for the first stage; the tracer comes after the last. */
  readonly position: number
  readonly group: string
  readonly topics: readonly string[]
  /** False for the tracer, of whose work there are no rows. */
  readonly isStage: boolean
  /** The command that starts a process of the group. */
  readonly command: string
}

/** In the order of the flow. The tracer is one of them only where traces are exported: otherwise it has nothing to do. */
export function monitoredGroups(config: Config, isTracing: boolean): readonly MonitoredGroup[] {
  const stages = routes(config).map(({ stage: { name }, position, group, source }): MonitoredGroup => {
    return { name, position, group, topics: [source], isStage: true, command: `throughline run ${name}` }
  })
  if (!isTracing) return stages
  const tracer = { name: tracerName, position: stages.length + 1, isStage: false }
  const { group, topics } = endTopics(config)
  return [...stages, { ...tracer, group, topics, command: `throughline ${tracerName}` }]
}
