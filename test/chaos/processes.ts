import { pipeline } from '../../stages/index.ts'
import type { TargetKind } from './plan.ts'
import { processTarget, serverTarget, type FaultTarget } from './faults.ts'
import { startSupervised, type SupervisedExit, type SupervisedProcess } from '../support/processes/supervised-process.ts'
import type { DedicatedServers } from '../support/processes/dedicated-servers.ts'

export interface ProcessesOptions {
  readonly env: NodeJS.ProcessEnv
  /** Of every stage and of the tracer. */
  readonly replicas: number
  readonly onExit: (exit: SupervisedExit) => void
  /** Receives every line that a process writes. */
  readonly onLine: (process: string, line: string) => void
}

export interface ChaosProcesses extends AsyncDisposable {
  readonly generator: SupervisedProcess
  readonly stages: readonly SupervisedProcess[]
  readonly tracers: readonly SupervisedProcess[]
}

/** Starts the generator and the replicas of every stage and of the tracer, each supervised. */
export async function startProcesses(options: ProcessesOptions): Promise<ChaosProcesses> {
  await using starting = new AsyncDisposableStack()
  const start = async (name: string, args: readonly string[]) => {
    const onLine = (line: string) => options.onLine(name, line)
    return starting.use(await startSupervised({ name, args, env: options.env, onLine }, options.onExit))
  }
  const stages: SupervisedProcess[] = []
  for (const { name } of pipeline) {
    for (let replica = 1; replica <= options.replicas; replica += 1) {
      stages.push(await start(`${name}-${replica}`, ['run', name]))
    }
  }
  const tracers: SupervisedProcess[] = []
  for (let replica = 1; replica <= options.replicas; replica += 1) {
    tracers.push(await start(`tracer-${replica}`, ['tracer']))
  }
  const generator = await start('generator', ['generator'])
  const running = starting.move()
  return { generator, stages, tracers, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** The processes that a fault may be injected into. */
export function faultTargets(
  { stages, tracers, generator }: ChaosProcesses,
  servers: DedicatedServers,
): Record<TargetKind, readonly FaultTarget[]> {
  return {
    stage: [...stages, ...tracers].map(processTarget),
    generator: [processTarget(generator)],
    Kafka: [serverTarget('Kafka', servers.kafka)],
    Postgres: [serverTarget('Postgres', servers.postgres)],
  }
}
