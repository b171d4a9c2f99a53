import type { Attributes } from '@opentelemetry/api'
import type { DeadLetter } from '../pipeline/compute.ts'
import type { Published } from '../pipeline/publish.ts'
import type { Route } from '../pipeline/route.ts'

/**
 * What is said of processing a message, under OpenTelemetry's names, and what it has no name for under `throughline`.
 * @param sentAt when it was sent on, in milliseconds since the epoch; undefined when that was before, and nobody knows when
 */
export function ofProcessing(
  outcome: Published | DeadLetter,
  sentAt: number | undefined,
  route: Route,
): Attributes {
  const { message, startedAt, computedAt } = outcome
  const attributes: Attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.message.id': message.id,
    'messaging.message.body.size': message.value?.length ?? 0,
    'messaging.destination.name': route.source,
    'messaging.destination.partition.id': String(message.partition),
    'messaging.consumer.group.name': route.group,
    'messaging.kafka.offset': Number(message.offset),
    'throughline.attempt': message.attempt,
    'throughline.position': route.position,
    'throughline.wait_ms': startedAt - message.queuedAt,
    'throughline.work_ms': computedAt - startedAt,
  }
  if (sentAt === undefined) attributes['throughline.redelivered'] = true
  else attributes['throughline.save_ms'] = sentAt - computedAt
  if ('reason' in outcome) attributes['error.type'] = outcome.reason
  return attributes
}

/** What is said of sending on what came of a message; `topic` is where to. */
export function ofSending(
  outcome: Published | DeadLetter,
  sentAt: number | undefined,
  route: Route,
  topic: string,
): Attributes {
  const { message } = outcome
  const attributes: Attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.message.id': message.id,
    'messaging.destination.name': topic,
    'throughline.attempt': message.attempt,
    'throughline.position': route.position,
  }
  if (sentAt === undefined) attributes['throughline.redelivered'] = true
  else if ('receipt' in outcome) {
    attributes['messaging.destination.partition.id'] = String(outcome.receipt.partition)
    attributes['messaging.kafka.offset'] = Number(outcome.receipt.offset)
    attributes['throughline.publish_ms'] = outcome.arrivedAt - sentAt
  }
  return attributes
}
