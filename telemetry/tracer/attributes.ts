import type { Attributes } from '@opentelemetry/api'
import type { SentRecord, TraceRows, TraceStep } from './trace-rows.ts'

/** OpenTelemetry's names for messaging; what it has no name for stands under `throughline`, durations in seconds. */
const common = ({ id, attempt }: TraceRows, operation: 'process' | 'send'): Attributes => ({
  'messaging.system.name': 'kafka',
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
  'messaging.message.id': id,
  'throughline.attempt': attempt,
})

const seconds = (micros: number) => micros / 1e6

export function processAttributes(
  rows: TraceRows,
  step: TraceStep,
  sentAt: number,
  topicPrefix: string,
): Attributes {
  return {
    ...common(rows, 'process'),
    'messaging.destination.name': step.topic ?? step.stage,
    'messaging.destination.partition.id': String(step.partition),
    'messaging.consumer.group.name': topicPrefix + step.stage,
    'kafka.offset': Number(step.offset),
    'throughline.position': step.position ?? 0,
    'throughline.wait_seconds': seconds(step.startedAt - step.queuedAt),
    'throughline.work_seconds': seconds(step.computedAt - step.startedAt),
    'throughline.save_seconds': seconds(sentAt - step.computedAt),
    ...(step.reason !== null && { 'error.type': step.reason }),
  }
}

export function sendAttributes(
  rows: TraceRows,
  { position }: TraceStep,
  sentAt: number,
  record: SentRecord,
): Attributes {
  return {
    ...common(rows, 'send'),
    'messaging.destination.name': record.topic,
    'messaging.destination.partition.id': String(record.partition),
    'kafka.offset': Number(record.offset),
    'throughline.position': position ?? 0,
    'throughline.publish_seconds': seconds(record.appendedAt - sentAt),
  }
}

export function entryAttributes(rows: TraceRows, first: TraceStep): Attributes {
  return {
    ...common(rows, 'send'),
    'messaging.destination.name': first.topic ?? first.stage,
    'messaging.destination.partition.id': String(first.partition),
    'kafka.offset': Number(first.offset),
    'throughline.position': 0,
  }
}
