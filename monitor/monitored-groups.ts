import type { Config } from '../pipeline/config.ts'
import { endTopics, routes, tracerName } from '../pipeline/route.ts'

/** A consumer group whose backlog is watched: a stage's, or the tracer's. */
export interface MonitoredGroup {
  /** The stage's, or `tracer`. */
  readonly name: string
  /** 1 for the first stage; the tracer comes after the last. */
  readonly position: number
  readonly group: string
  readonly topics: readonly string[]
  /** Whether rows say what a stage has done; of the tracer only the broker knows. */
  readonly isStage: boolean
  /** The command that starts a process of the group. */
  readonly command: string
}

/** In the order of the flow. The tracer is among them only where traces are exported: otherwise it has nothing to do. */
export function monitoredGroups(config: Config, isTracing: boolean): readonly MonitoredGroup[] {
  const stages = routes(config).map(({ stage: { name }, position, group, source }): MonitoredGroup => {
    return { name, position, group, topics: [source], isStage: true, command: `throughline run ${name}` }
  })
  if (!isTracing) return stages
  const { group, topics } = endTopics(config)
  const position = stages.length + 1
  const command = `throughline ${tracerName}`
  return [...stages, { name: tracerName, position, group, topics, isStage: false, command }]
}
