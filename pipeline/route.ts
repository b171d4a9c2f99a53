import type { TopicPlan } from '../kafka/topics.ts'
import { finish, pipeline } from '../stages/index.ts'
import type { Stage } from '../stages/stage.ts'
import { UserError } from '../telemetry/user-error.ts'
import type { Config } from './config.ts'

/** Where one stage stands in the flow. */
export interface Route {
  readonly stage: Stage
  /** 1 for the first stage; 0 is the generator. */
  readonly position: number
  /** The name of the stage before it, `generator` for the first. */
  readonly previous: string
  /** The topic it reads. */
  readonly source: string
  /** The topic it writes: the one that the next stage reads, or `finish`. */
  readonly target: string
  /** The topic of the dead letters, the same for all stages. */
  readonly deadLetters: string
  readonly isLast: boolean
  /** The consumer group: TOPIC_PREFIX and the stage's name. */
  readonly group: string
}

export const deadLetterTopic = 'dead-letter'

/** All stages in the order of the flow. */
export function routes(config: Config): readonly Route[] {
  const prefix = config.TOPIC_PREFIX
  return pipeline.map((stage, index) => ({
    stage,
    position: index + 1,
    previous: pipeline[index - 1]?.name ?? 'generator',
    source: prefix + stage.reads,
    target: prefix + (pipeline[index + 1]?.reads ?? finish),
    deadLetters: prefix + deadLetterTopic,
    isLast: index + 1 === pipeline.length,
    group: prefix + stage.name,
  }))
}

/**
 * The route of the stage that a process is to run: by name, or by the variables OPERATION_TYPE or STAGE_NUMBER
 * ("stage3" or "3"); INPUT_TOPIC and OUTPUT_TOPIC take precedence over the catalogue's topics.
 * @throws {UserError} naming the stages there are
 */
export function routeOf(config: Config, name?: string): Route {
  const all = routes(config)
  const wanted = name ?? config.OPERATION_TYPE ?? config.STAGE_NUMBER ?? ''
  const position = Number(/^(?:stage)?(\d+)$/.exec(wanted)?.[1])
  const route = all.find((candidate) => candidate.stage.name === wanted || candidate.position === position)
  if (route === undefined) {
    const mistake = wanted === '' ? 'Which stage? Name it, or set OPERATION_TYPE.' : `There is no stage "${wanted}".`
    throw new UserError(`${mistake} The stages are ${all.map((known) => known.stage.name).join(', ')}.`)
  }
  return { ...route, source: config.INPUT_TOPIC ?? route.source, target: config.OUTPUT_TOPIC ?? route.target }
}

/** Where messages enter the pipeline: the first stage and its topic, or the one that OUTPUT_TOPIC names. */
export function entryOf(config: Config): { readonly stage: string; readonly topic: string } {
  const [first] = routes(config)
  if (first === undefined) throw new Error('The catalogue has no stage')
  return { stage: first.stage.name, topic: config.OUTPUT_TOPIC ?? first.source }
}

/** The tracer's name as a process, as a consumer group, and in the reports of the monitor. */
export const tracerName = 'tracer'

/**
 * The topics where messages end, the last one and then the one of the dead letters, and the consumer group of the tracer, which
 * reads them. INPUT_TOPIC replaces the last topic, where OUTPUT_TOPIC of the last stage names another.
 */
export function endTopics(config: Config) {
  const prefix = config.TOPIC_PREFIX
  const deadLetters = prefix + deadLetterTopic
  const topics = [config.INPUT_TOPIC ?? prefix + finish, deadLetters] as const
  return { group: prefix + tracerName, topics, deadLetterTopic: deadLetters }
}

/** Every topic of the pipeline, to be created. */
export function topicPlan(config: Config): TopicPlan {
  const prefix = config.TOPIC_PREFIX
  return {
    names: [...pipeline.map((stage) => stage.reads), finish, deadLetterTopic].map((name) => prefix + name),
    deadLetters: prefix + deadLetterTopic,
    partitions: config.TOPIC_PARTITIONS,
    replicas: config.TOPIC_REPLICATION_FACTOR,
    retentionHours: config.TOPIC_RETENTION_HOURS,
  }
}

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
    return { name, position, group, topics: [source], isStage: true, command: startCommand(config, name, `run ${name}`) }
  })
  if (!isTracing) return stages
  const tracer = { name: tracerName, position: stages.length + 1, isStage: false }
  const { group, topics } = endTopics(config)
  return [...stages, { ...tracer, group, topics, command: startCommand(config, tracerName) }]
}

/** The command that starts a process here: `throughline run lcm`, in compose `docker compose up -d lcm`. */
export function startCommand({ START_COMMAND }: Config, name: string, args = name): string {
  return START_COMMAND === undefined ? `throughline ${args}` : `${START_COMMAND} ${name}`
}
