import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { temporaryDirectory } from '../../local/host-resources.ts'
import { pipeline } from '../../stages/index.ts'
import type { TargetKind } from './plan.ts'
import { processTarget, serverTarget, type FaultTarget } from './faults.ts'
import { startSupervised, type SupervisedExit, type SupervisedProcess } from '../support/processes/supervised-process.ts'
import type { ChaosServers } from './chaos-servers.ts'

export interface ProcessesOptions {
  readonly env: NodeJS.ProcessEnv
  /** Of every stage, of the tracer and of the monitor. */
  readonly replicas: number
  readonly onExit: (exit: SupervisedExit) => void
  /** Receives every line that a process writes. */
  readonly onLine: (process: string, line: string) => void
}

export interface ChaosProcesses extends AsyncDisposable {
  readonly generator: SupervisedProcess
  /** The processes of each stage, and of `tracer`, `monitor` and `generator`. */
  readonly targets: ReadonlyMap<string, readonly FaultTarget[]>
}

const steppedClock = pathToFileURL(join(import.meta.dirname, 'faults', 'stepped-clock.ts')).href

/** Starts the generator and the replicas of every stage, of the tracer and of the monitor, each supervised. */
export async function startProcesses({ env, replicas, ...options }: ProcessesOptions): Promise<ChaosProcesses> {
  await using starting = new AsyncDisposableStack()
  const clocks = starting.use(await temporaryDirectory())
  const targets = new Map<string, FaultTarget[]>()
  const start = async (kind: string, replica: number, args: readonly string[]) => {
    const name = `${kind}-${replica}`
    const clock = join(clocks.path, name)
    await writeFile(clock, '0')
    const onLine = (line: string) => options.onLine(name, line)
    const NODE_OPTIONS = `${env['NODE_OPTIONS'] ?? ''} --import=${steppedClock}`
    const own = { ...env, NODE_OPTIONS, CHAOS_CLOCK_FILE: clock }
    const process = starting.use(await startSupervised({ name, args, env: own, onLine }, options.onExit))
    targets.set(kind, [...(targets.get(kind) ?? []), processTarget(process, clock)])
    return process
  }
  for (let replica = 1; replica <= replicas; replica += 1) {
    for (const { name } of pipeline) await start(name, replica, ['run', name])
    for (const name of ['tracer', 'monitor']) await start(name, replica, [name])
  }
  const generator = await start('generator', 1, ['generator'])
  const running = starting.move()
  return { generator, targets, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** The processes that a fault may be injected into. */
export function faultTargets(
  { targets }: ChaosProcesses,
  servers: ChaosServers,
): Record<TargetKind, readonly FaultTarget[]> {
  const { kafka, brokerProxies, postgres, postgresProxy } = servers
  const [tracer = [], monitor = [], generator = []] = ['tracer', 'monitor', 'generator'].map((name) => targets.get(name))
  return {
    stage: pipeline.flatMap(({ name }) => targets.get(name) ?? []),
    tracer,
    monitor,
    generator,
    Kafka: brokerProxies.slice(0, 1).map((proxy) => serverTarget('Kafka', kafka, proxy)),
    Postgres: [serverTarget('Postgres', postgres, postgresProxy)],
  }
}
