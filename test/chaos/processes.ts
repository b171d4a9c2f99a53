import { pipeline } from '../../stages/index.ts'
import type { Target } from './plan.ts'
import { keptAliveVictim, serverVictim, type Victim } from './victims.ts'
import { keepAlive, type Ending, type KeptAlive } from '../support/kept-alive.ts'
import type { OwnServers } from '../support/own-servers.ts'

export interface ProcessesOptions {
  readonly env: NodeJS.ProcessEnv
  /** Of every stage, and of the tracer. */
  readonly replicas: number
  readonly onEnd: (ending: Ending) => void
  /** Gets every line that a process writes. */
  readonly onLine: (process: string, line: string) => void
}

export interface ChaosProcesses extends AsyncDisposable {
  readonly generator: KeptAlive
  readonly stages: readonly KeptAlive[]
  readonly tracers: readonly KeptAlive[]
}

/** Starts the generator and several replicas of every stage and of the tracer, each with a supervisor. */
export async function startProcesses(options: ProcessesOptions): Promise<ChaosProcesses> {
  await using starting = new AsyncDisposableStack()
  const start = async (name: string, args: readonly string[]) => {
    const onLine = (line: string) => options.onLine(name, line)
    return starting.use(await keepAlive({ name, args, env: options.env, onLine }, options.onEnd))
  }
  const stages: KeptAlive[] = []
  for (const { name } of pipeline) {
    for (let replica = 1; replica <= options.replicas; replica += 1) {
      stages.push(await start(`${name}-${replica}`, ['run', name]))
    }
  }
  const tracers: KeptAlive[] = []
  for (let replica = 1; replica <= options.replicas; replica += 1) {
    tracers.push(await start(`tracer-${replica}`, ['tracer']))
  }
  const generator = await start('generator', ['generator'])
  const running = starting.move()
  return { generator, stages, tracers, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Whoever a fault may happen to. */
export function victimsAmong(
  { stages, tracers, generator }: ChaosProcesses,
  servers: OwnServers,
): Record<Target, readonly Victim[]> {
  return {
    stage: [...stages, ...tracers].map(keptAliveVictim),
    generator: [keptAliveVictim(generator)],
    Kafka: [serverVictim('Kafka', servers.kafka)],
    Postgres: [serverVictim('Postgres', servers.postgres)],
  }
}
