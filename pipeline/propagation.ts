import { isSdkDisabled, type Config } from './config.ts'
import { traceIdOf } from './message.ts'
import type { TraceparentOf } from './publish.ts'
import { createSampling } from './sampling.ts'
import { spanId } from './span-ids.ts'
import { formatTraceparent } from './traceparent.ts'

/**
 * The traceparent that a stage sends on with a message: that of its own send span, whose id is known before the tracer makes
 * the span. With OTEL_SDK_DISABLED a traceparent that came with a message goes on as it is.
 */
export async function createPropagation(config: Config, stage: string): Promise<TraceparentOf> {
  if (isSdkDisabled()) return ({ parent }) => parent && formatTraceparent(parent)
  const isSampled = await createSampling(config)
  return (message) =>
    formatTraceparent({
      traceId: traceIdOf(message),
      spanId: spanId(message.id, message.attempt, stage, 'send'),
      sampled: isSampled(message),
    })
}
