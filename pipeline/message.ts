import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { KafkaMessage } from '../kafka/client.ts'
import type { Message } from '../sql/outcome.ts'
import { now } from '../telemetry/time.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { forwardedHeaders, headerText, ownHeaders, usableHeaders } from './headers.ts'

const MAX_ATTEMPT = 32_767
const MAX_SKEW_MS = 5_400_000
const DAY_MS = 86_400_000

/** Reads a record and its headers. What is missing or malformed is derived, so that a redelivery gets the same. */
export function readMessage(topic: string, partition: number, record: KafkaMessage): Message {
  const headers = usableHeaders(record.headers)
  let badHeaders = 0
  const read = <T>(name: string, parse: (text: string) => T | undefined): T | undefined => {
    const text = headerText(headers, name)
    if (text === undefined) return undefined
    const value = parse(text)
    if (value === undefined) badHeaders += 1
    return value
  }
  const id = read(ownHeaders.id, parseMessageId) ?? derivedId(topic, partition, record)
  const attempt = read(ownHeaders.attempt, parseAttempt) ?? 1
  const parent = read(ownHeaders.traceparent, parseTraceparent)
  const appendedAt = plausible(Number(record.timestamp)) ?? now()
  // Clocks differ by seconds, and a wrong one by minutes or by summer time: a sent-at that is later was not written by a stage.
  const sentAt = read(ownHeaders.sentAt, (text) => parseTime(text, appendedAt + MAX_SKEW_MS))
  const queuedAt = Math.max(appendedAt, sentAt ?? 0)
  const enteredAt =
    (sentAt === undefined ? undefined : read(ownHeaders.enteredAt, (text) => parseTime(text, queuedAt))) ?? queuedAt
  const { offset, key, value } = record
  return {
    id,
    attempt,
    topic,
    partition,
    offset,
    key,
    value,
    headers,
    forwarded: forwardedHeaders(headers),
    parent,
    sentAt,
    enteredAt,
    queuedAt,
    skewMs: queuedAt - appendedAt,
    badHeaders,
  }
}

/** 32 hex digits of any UUID, dashes and capitals accepted; undefined for anything else, and for all zeros. */
export function parseMessageId(text: string): string | undefined {
  if (/^(?!0{32})[\da-f]{32}$/.test(text)) return text
  const id = text.trim().toLowerCase()
  if (!/^([\da-f]{32}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12})$/.test(id)) return undefined
  const hex = id.replaceAll('-', '')
  return /[^0]/.test(hex) ? hex : undefined
}

/** A new message id: a UUIDv7, so that ids sort by time and rows of the same time lie together. */
export function newMessageId(): string {
  return uuidv7().replaceAll('-', '')
}

const MAX_UUID_MS = 2 ** 48 - 1

function derivedId(topic: string, partition: number, { offset, timestamp }: KafkaMessage): string {
  const random = createHash('sha256').update(`${topic}/${partition}/${offset}/${timestamp}`).digest().subarray(0, 16)
  // Not by the local clock: the id has to be the same at each delivery.
  const msecs = Math.min(Math.max(Number(timestamp) || 0, 0), MAX_UUID_MS)
  return uuidv7({ msecs, random }).replaceAll('-', '')
}

/** A producer may stamp a record with any time or none, and Postgres does not store every one. */
function plausible(time: number): number | undefined {
  return time >= 0 && time <= Date.now() + DAY_MS ? time : undefined
}

function parseAttempt(text: string): number | undefined {
  const attempt = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return attempt >= 1 && attempt <= MAX_ATTEMPT ? attempt : undefined
}

function parseTime(text: string, latest: number): number | undefined {
  // Rows have microseconds: a finer time would differ from its row.
  const time = /^\d{1,14}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * 1000) / 1000 : 0
  return time > 0 && time <= latest ? time : undefined
}
