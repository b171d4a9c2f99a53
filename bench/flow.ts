import type { OwnServers } from '../test/own-servers.ts'
import { twelveIntegers } from './fill.ts'
import type { Bench } from './part.ts'
import { startKeeper, type SpanBackend } from './span-backend.ts'
import { asShipped, startStages, type StageCommand, type StageProcesses } from './stage-processes.ts'
import { startTrial, type Trial } from './trial.ts'
import { until } from './until.ts'

/** A pipeline that has all its stages and nothing to do, every trace kept. */
export interface Flow extends AsyncDisposable {
  readonly trial: Trial
  readonly stages: StageProcesses
  readonly backend: SpanBackend
}

export async function startFlow(servers: OwnServers, { signal }: Bench): Promise<Flow> {
  await using starting = new AsyncDisposableStack()
  const backend = starting.use(await startKeeper())
  const trial = starting.use(await startTrial(servers, { ...twelveIntegers, ...backend.env }))
  const stages = starting.use(await startReady(asShipped, trial.env, signal))
  const running = starting.move()
  return { trial, stages, backend, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Starts processes, and settles when all of them are connected and have their partitions. */
export async function startReady(
  commands: readonly StageCommand[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<StageProcesses> {
  await using starting = new AsyncDisposableStack()
  const processes = starting.use(await startStages(commands, env))
  const reached = async () => {
    await processes.requireAlive()
    return Number(await processes.areReady())
  }
  await until({ what: 'The processes ready', reached, goal: 1, everyMs: 100, signal })
  starting.move()
  return processes
}
