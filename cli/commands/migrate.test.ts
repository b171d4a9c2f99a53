import { expect, test } from 'vitest'
import { isPermanent, migrationSummary, partitionsKept, retentionWarning } from './migrate.ts'

const like = (details: object) => Object.assign(new Error('as the server says it'), details)
const connection = like({ name: 'KafkaJSConnectionError', retriable: true })
const noBrokerYet = like({
  name: 'KafkaJSCreateTopicError',
  type: 'INVALID_REPLICATION_FACTOR',
  retriable: false,
})

test.each([
  ['a refused connection', like({ code: 'ECONNREFUSED' })],
  ['a name that is not known yet', like({ code: 'ENOTFOUND' })],
  ['Postgres starting up', like({ code: '57P03' })],
  ['Postgres without a free connection', like({ code: '53300' })],
  ['a connection that takes too long', new Error('timeout expired')],
  ['kafkajs giving up to connect', like({ name: 'KafkaJSNumberOfRetriesExceeded', cause: connection })],
  ['a controller that has no broker yet', like({ name: 'KafkaJSAggregateError', errors: [noBrokerYet] })],
])('%s is worth waiting', (_, error) => {
  expect(isPermanent(error)).toBe(false)
})

test.each([
  ['a wrong password', like({ code: '28P01' })],
  ['a database that is not there', like({ code: '3D000' })],
  ['a mistake in a migration', like({ code: '42601' })],
  [
    'a certificate of an unknown authority',
    like({ name: 'KafkaJSConnectionError', code: 'SELF_SIGNED_CERT_IN_CHAIN', retriable: true }),
  ],
  ['a certificate for another host', like({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })],
  ['a wrong connection string', like({ name: 'KafkaJSSASLAuthenticationError', retriable: false })],
  [
    'a policy against the topic',
    like({ name: 'KafkaJSAggregateError', errors: [like({ name: 'KafkaJSCreateTopicError' })] }),
  ],
])('%s is not', (_, error) => {
  expect(isPermanent(error)).toBe(true)
})

const nothing = { migrations: [], topics: [], grown: [], partitions: 4, isCatalogueNew: false }

test('says what is new, by name', () => {
  expect(
    migrationSummary({ ...nothing, migrations: ['001_tables', '002_views'], topics: ['start'], isCatalogueNew: true }),
  ).toBe('New: 2 migrations (001_tables, 002_views); 1 topic (start); the catalogue of stages.')
  expect(migrationSummary({ ...nothing, topics: ['start', 'finish'] })).toBe('New: 2 topics (start, finish).')
  expect(migrationSummary({ ...nothing, grown: ['start', 'stage2'], partitions: 8 })).toBe(
    'New: 8 partitions for each of 2 topics (start, stage2).',
  )
})

test('says that there was nothing to do', () => {
  expect(migrationSummary(nothing)).toBe('Nothing to do: all is up to date.')
})

const topic = (name: string, recordHours: number) => ({
  topic: name,
  partitions: 4,
  recordHours,
  replicas: 1,
  minInSync: 1,
})

test('nothing is said when rows are kept as long as records or longer', () => {
  expect(retentionWarning([topic('start', 336)], 14)).toBeUndefined()
  expect(retentionWarning([], 1)).toBeUndefined()
})

test('names the topics that keep records for longer than rows are kept, and both ways out', () => {
  expect(retentionWarning([topic('start', 400), topic('stage2', 192), topic('stage3', 336.5)], 14)).toBe(
    'Records are kept for up to 400 hours (retention.ms and segment.ms of start, stage3) but their rows for 336 ' +
      '(RETENTION), and a record that is read again after its row was removed is processed twice: lower retention.ms, ' +
      'or set RETENTION to 17.',
  )
})

test('no RETENTION is enough for a topic that keeps records for ever', () => {
  expect(retentionWarning([topic('start', Infinity)], 14)).toMatch(
    /^Records are kept for ever \(.*start\).*: lower retention\.ms\.$/,
  )
})

test('topics with more partitions than asked for are named', () => {
  expect(partitionsKept([topic('start', 1)], 4)).toBeUndefined()
  expect(partitionsKept([topic('start', 1), { ...topic('stage2', 1), partitions: 6 }], 4)).toBe(
    'TOPIC_PARTITIONS is 4, and these topics keep the partitions that they have, which Kafka cannot remove: stage2 (6).',
  )
})
