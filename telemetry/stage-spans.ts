import { SpanKind, SpanStatusCode, type Link, type SpanContext } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { DeadLetter } from '../pipeline/compute.ts'
import { traceIdOf, type Message } from '../pipeline/message.ts'
import type { Publication } from '../pipeline/deliver.ts'
import type { Published } from '../pipeline/publish.ts'
import type { Route } from '../pipeline/route.ts'
import { finishedSpan } from './finished-span.ts'
import { linkToFirst } from './link-to-first.ts'
import { ofProcessing, ofSending } from './message-attributes.ts'
import { spanId } from '../pipeline/span-ids.ts'

/**
 * The spans of a batch: for each message a CONSUMER span, child of the span that sent it, and below it the PRODUCER span
 * of what was sent on. They are made afterwards, from the measured times: a batch holds messages of many traces, so no
 * context that is active while it runs could be the right one.
 * @param resource the process: service.name is the stage
 * @param isSampled whether the message's trace is kept
 */
export function spansOf(
  publication: Publication,
  route: Route,
  resource: Resource,
  isSampled: (message: Message) => boolean,
): ReadableSpan[] {
  const { results, deadLetters, redelivered } = publication
  const spans: ReadableSpan[] = []
  const add = (outcome: Published | DeadLetter, sending: Sending) => {
    const known = redelivered.has(outcome.message) ? undefined : sending
    spans.push(...twoSpans(outcome, known, route, resource))
  }
  for (const result of results) {
    const { message, sentAt, arrivedAt } = result
    const endedAt = Math.max(publication.acknowledgedAt, arrivedAt)
    if (isSampled(message)) add(result, { sentAt, endedAt })
  }
  for (const letter of deadLetters) {
    const sentAt = Math.max(publication.lettersSentAt, letter.computedAt)
    const endedAt = Math.max(publication.lettersAcknowledgedAt, sentAt)
    if (isSampled(letter.message)) add(letter, { sentAt, endedAt })
  }
  return spans
}

/** From when to when the result was on its way to its topic, in milliseconds since the epoch. */
interface Sending {
  readonly sentAt: number
  readonly endedAt: number
}

/**
 * @param sending undefined for what was taken before. How long saving and publishing took then, the process that was killed
 * has told nobody; measuring it now would contradict the row of the next stage, which keeps the first record.
 */
function twoSpans(
  outcome: Published | DeadLetter,
  sending: Sending | undefined,
  route: Route,
  resource: Resource,
): ReadableSpan[] {
  const { message, startedAt, computedAt } = outcome
  const [process, send] = contextsOf(message, route.stage.name)
  const { sentAt, endedAt } = sending ?? { sentAt: computedAt, endedAt: computedAt }
  const topic = 'reason' in outcome ? route.deadLetters : route.target
  return [
    finishedSpan(`process ${route.source}`, SpanKind.CONSUMER, resource, {
      context: process,
      parent: parentOf(message),
      from: startedAt,
      to: sentAt,
      status: statusOf(outcome),
      attributes: ofProcessing(outcome, sending?.sentAt, route),
      links: linksOf(message, route.stage.name),
    }),
    finishedSpan(`send ${topic}`, SpanKind.PRODUCER, resource, {
      context: send,
      parent: process,
      from: sentAt,
      to: endedAt,
      attributes: ofSending(outcome, sending?.sentAt, route, topic),
    }),
  ]
}

function statusOf(outcome: Published | DeadLetter) {
  return 'reason' in outcome ? { code: SpanStatusCode.ERROR, message: outcome.explanation } : undefined
}

function contextsOf(message: Message, stage: string): [SpanContext, SpanContext] {
  const { id, attempt } = message
  const traceId = traceIdOf(message)
  const context = (kind: 'process' | 'send') => ({
    traceId,
    spanId: spanId(id, attempt, stage, kind),
    traceFlags: 1,
  })
  return [context('process'), context('send')]
}

/** A replay that nobody traced before is linked to what the first attempt did here. */
function linksOf({ id, attempt, parent }: Message, stage: string): Link[] | undefined {
  return attempt > 1 && parent === undefined ? [linkToFirst(id, stage, 'process')] : undefined
}

function parentOf({ parent }: Message): SpanContext | undefined {
  return parent && { traceId: parent.traceId, spanId: parent.spanId, traceFlags: 1, isRemote: true }
}
