import type { Attributes, Link, Span } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { describeEntry } from './entry-span.ts'
import { spanId } from '../pipeline/span-ids.ts'

/** What is said of the span of a message that enters. */
function said(attempt: number, id: string) {
  const attributes: Attributes = {}
  const links: Link[] = []
  const span = {
    setAttributes: (more: Attributes) => Object.assign(attributes, more),
    addLink: (link: Link) => links.push(link),
  }
  const headers = { 'message-id': id, attempt: String(attempt) }
  describeEntry(span as unknown as Span, { topic: 'start', message: { value: '{}', headers } })
  return { attributes, links }
}

test('a replay is linked to the first attempt', () => {
  const id = newMessageId()
  expect(said(1, id).links).toEqual([])
  const first = { traceId: id, spanId: spanId(id, 1, 'generator', 'send') }
  expect(said(2, id).links).toMatchObject([{ context: first }])
})

test('the span of a message that enters says which one it is, and that it is at the beginning', () => {
  const id = newMessageId()
  expect(said(1, id).attributes).toMatchObject({
    'messaging.system.name': 'kafka',
    'messaging.message.id': id,
    'throughline.attempt': 1,
    'throughline.position': 0,
  })
})
