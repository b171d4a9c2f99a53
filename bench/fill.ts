import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { runToEnd } from '../local/run-to-end.ts'
import type { Database } from '../sql/database.ts'
import { throughline } from './throughline.ts'
import type { Trial } from './trial.ts'

/** What messages of the bench are like, unless a case says otherwise: twelve integers from 1,000 to 100,000. */
export const twelveIntegers = { COUNT_MIN: '12', COUNT_MAX: '12', NUMBERS_DECIMALS: '0' } as const

/**
 * Lets messages in by the generator: their rows, their counters and their records are there. It writes no traceparent, so
 * that all drains begin alike: the first stage decides which traces are kept. One generator alone: a second one would begin by
 * sending once more what the first has just saved and not sent yet.
 */
export async function fill({ env }: Trial, messages: number, signal: AbortSignal): Promise<void> {
  const untraced = { ...env, OTEL_SDK_DISABLED: 'true' }
  await runToEnd({ ...throughline(['generator', '--messages', String(messages)], untraced), signal })
}

/** The messages whose traces are kept, by the very rule of OpenTelemetry's sampler. */
export async function sampledIds(database: Database, ratio: number): Promise<string[]> {
  const sampler = new TraceIdRatioBasedSampler(ratio)
  const { rows } = await database.query<{ id: string }>(
    `select encode(uuid_send(message_id), 'hex') as id from inputs`,
  )
  return rows
    .map(({ id }) => id)
    .filter((id) => sampler.shouldSample(ROOT_CONTEXT, id).decision === SamplingDecision.RECORD_AND_SAMPLED)
}
