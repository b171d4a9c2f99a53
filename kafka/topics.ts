import type { Admin, ITopicConfig } from 'kafkajs'
import pRetry from 'p-retry'
import { deadLetterTopic, routes, topicNames } from '../pipeline/route.ts'
import { segmentHours, type Config } from '../pipeline/config.ts'
import { loadKafkajs } from './client.ts'

const HOUR_MS = 3_600_000

/** Creates the topics that are missing; those that are there stay as they are. Returns the names of the new ones. */
export async function createTopics(admin: Admin, config: Config): Promise<string[]> {
  const existing = new Set(await admin.listTopics())
  const missing = topicNames(config).filter((name) => !existing.has(name))
  const created: string[] = []
  for (const name of missing) {
    // One request each: false means that another process was faster.
    const isNew = await admin.createTopics({ topics: [topicSettings(name, config)], waitForLeaders: false })
    if (isNew) created.push(name)
  }
  // A new topic takes a moment to be known everywhere.
  const areKnown = () => admin.fetchTopicMetadata({ topics: [...topicNames(config)] })
  await pRetry(areKnown, { retries: 20, minTimeout: 50, maxTimeout: 500 })
  return created
}

/** For how many hours each topic that a stage reads may keep a record, as it is set now; Infinity for ever. */
export async function readRecordHours(admin: Admin, config: Config): Promise<Map<string, number>> {
  const resources = routes(config).map(({ source }) => {
    return {
      type: loadKafkajs().ConfigResourceTypes.TOPIC,
      name: source,
      configNames: ['retention.ms', 'segment.ms'],
    }
  })
  const described = await admin.describeConfigs({ resources, includeSynonyms: false })
  return new Map(
    described.resources.map(({ resourceName, configEntries }) => {
      const times = new Map(configEntries.map((entry) => [entry.configName, Number(entry.configValue)]))
      const retention = times.get('retention.ms') ?? 0
      const hours = (retention + (times.get('segment.ms') ?? 0)) / HOUR_MS
      return [resourceName, retention < 0 ? Infinity : hours]
    }),
  )
}

function topicSettings(topic: string, config: Config): ITopicConfig {
  const entries: Record<string, string> = {
    // The broker's clock, one for all: a message's time in a queue is measured from it.
    'message.timestamp.type': 'LogAppendTime',
    // Whatever a producer compresses with, the broker unpacks it: the client knows only some of the codecs.
    'compression.type': 'uncompressed',
    'retention.ms': String(config.TOPIC_RETENTION_HOURS * HOUR_MS),
    'segment.ms': String(Math.round(segmentHours(config.TOPIC_RETENTION_HOURS) * HOUR_MS)),
  }
  // A dead letter is the whole record and its reasons on top: it needs more room than any topic it comes from.
  if (topic === config.TOPIC_PREFIX + deadLetterTopic) entries['max.message.bytes'] = '2097152'
  return {
    topic,
    numPartitions: config.TOPIC_PARTITIONS,
    configEntries: Object.entries(entries).map(([name, value]) => ({ name, value })),
  }
}
