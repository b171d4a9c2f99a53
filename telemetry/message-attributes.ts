import { isUtf8 } from 'node:buffer'
import type { Attributes } from '@opentelemetry/api'
import type { DeadLetter } from '../pipeline/compute.ts'
import type { Published } from '../pipeline/publish.ts'
import type { Route } from '../pipeline/route.ts'

/** The old name, too, as long as instrumentation-kafkajs writes it: one search is to find all spans. */
export const system = { 'messaging.system.name': 'kafka', 'messaging.system': 'kafka' }

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
    ...system,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.message.id': message.id,
    'messaging.message.body.size': message.value?.length ?? 0,
    'messaging.destination.name': route.source,
    'messaging.destination.partition.id': String(message.partition),
    'messaging.consumer.group.name': route.group,
    'kafka.offset': Number(message.offset),
    'throughline.attempt': message.attempt,
    'throughline.position': route.position,
    'throughline.wait_ms': startedAt - message.queuedAt,
    'throughline.work_ms': computedAt - startedAt,
  }
  if (sentAt === undefined) attributes['throughline.redelivered'] = true
  else attributes['throughline.save_ms'] = sentAt - computedAt
  if ('reason' in outcome) attributes['error.type'] = outcome.reason
  if (message.key !== null) attributes['kafka.message.key'] = keyText(message.key)
  if (message.value === null) attributes['kafka.message.tombstone'] = true
  return attributes
}

/** A key need not be text; what is not is shown in hex digits. */
function keyText(key: Buffer): string {
  return key.toString(isUtf8(key) ? 'utf8' : 'hex')
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
    ...system,
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.message.id': message.id,
    'messaging.destination.name': topic,
    'throughline.attempt': message.attempt,
    'throughline.position': route.position,
  }
  if (sentAt === undefined) attributes['throughline.redelivered'] = true
  else if ('metadata' in outcome) {
    attributes['messaging.destination.partition.id'] = String(outcome.metadata.partition)
    attributes['kafka.offset'] = Number(outcome.metadata.offset)
    attributes['throughline.publish_ms'] = outcome.arrivedAt - sentAt
  }
  return attributes
}
