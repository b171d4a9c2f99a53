import type { Span } from '@opentelemetry/api'
import type { KafkaProducerCustomAttributeFunction } from '@opentelemetry/instrumentation-kafkajs'
import { headerText, ownHeaders } from '../pipeline/headers.ts'
import { linkToFirst } from './link-to-first.ts'
import { system } from './message-attributes.ts'

/** Adds to the instrumentation's span of a message that enters what it cannot know. */
export const describeEntry: KafkaProducerCustomAttributeFunction = (span: Span, { message }) => {
  const headers = message.headers ?? {}
  const id = headerText(headers, ownHeaders.id) ?? ''
  const attempt = Number(headerText(headers, ownHeaders.attempt))
  span.setAttributes({
    ...system,
    'messaging.message.id': id,
    'throughline.attempt': attempt,
    'throughline.position': 0,
  })
  if (attempt > 1) span.addLink(linkToFirst(id, 'generator', 'send'))
}
