import type { OwnServers } from '../test/support/own-servers.ts'
import { twelveIntegers } from './fill.ts'
import type { Bench } from './part.ts'
import { asShipped, startStages, tracer, type StageCommand, type StageProcesses } from './stage-processes.ts'
import { startTraceBackend, type TraceBackend } from './trace-backend.ts'
import { startTrial, type Trial } from './trial.ts'
import { until } from './until.ts'

/** Where kept traces go, and the share of all that is kept. */
export interface Tracing {
  readonly backend: TraceBackend
  readonly ratio: number
}

/** The variables for it. Messages that waited are slow: the share alone decides. */
export function tracing(traces: Tracing | undefined): Record<string, string> {
  if (traces === undefined) return {}
  return {
    ...traces.backend.env,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: String(traces.ratio),
    TRACE_SLOWER_THAN: '0',
  }
}

/** A pipeline that has all its stages and a tracer and nothing to do, every trace kept. */
export interface Flow extends AsyncDisposable {
  readonly trial: Trial
  readonly stages: StageProcesses
  readonly backend: TraceBackend
}

export async function startFlow(servers: OwnServers, { signal }: Bench): Promise<Flow> {
  await using starting = new AsyncDisposableStack()
  const backend = starting.use(await startTraceBackend())
  const variables = { ...twelveIntegers, ...tracing({ backend, ratio: 1 }) }
  const trial = starting.use(await startTrial(servers, variables))
  const stages = starting.use(await startReady([...asShipped, tracer], trial.env, signal))
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
