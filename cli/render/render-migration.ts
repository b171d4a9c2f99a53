import type { TopicSettings } from '../../kafka/topics.ts'
import { countOf } from '../../stages/refusal.ts'

interface Migrated {
  readonly migrations: readonly string[]
  readonly topics: readonly string[]
  /** Topics that existed with fewer partitions than TOPIC_PARTITIONS, which they have now. */
  readonly grown: readonly string[]
  readonly partitions: number
  readonly isCatalogueNew: boolean
}

/** One line that names what is new. */
export function migrationSummary({ migrations, topics, grown, partitions, isCatalogueNew }: Migrated): string {
  const more = grown.length > 0 && `${partitions} partitions for each of ${list(grown, 'topic')}`
  const done = [list(migrations, 'migration'), list(topics, 'topic'), more, isCatalogueNew && 'the catalogue of stages']
  const news = done.filter(Boolean).join('; ')
  return news === '' ? 'Nothing to do: all is up to date.' : `New: ${news}.`
}

/** "2 topics (start, finish)"; empty for none. */
function list(names: readonly string[], noun: string): string {
  if (names.length === 0) return ''
  return `${countOf(names.length, noun)} (${names.join(', ')})`
}

/** The topics with more partitions than TOPIC_PARTITIONS; undefined when there are none. */
export function partitionsKept(settings: readonly TopicSettings[], partitions: number): string | undefined {
  const larger = settings.filter((topic) => topic.partitions > partitions)
  if (larger.length === 0) return undefined
  const names = larger.map((topic) => `${topic.topic} (${topic.partitions})`).join(', ')
  return `TOPIC_PARTITIONS is ${partitions}, and these topics keep the partitions that they have, which Kafka cannot remove: ${names}.`
}

/** How many brokers keep a record, and how many can be away or lost, of the topic that can do with the fewest away. */
export function replicationSummary(settings: readonly TopicSettings[]): string {
  const [weakest] = settings.toSorted((one, other) => spareOf(one) - spareOf(other) || one.replicas - other.replicas)
  if (weakest === undefined) return ''
  const { topic, replicas, minInSync } = weakest
  const areAlike = settings.every((one) => one.replicas === replicas && one.minInSync === minInSync)
  const record = areAlike ? 'Each record' : `Each record of ${topic}, which is kept least safely,`
  const kept = `${record} is kept by ${brokers(replicas)}, and ${minInSync} must have it before it counts as sent`
  if (replicas === 1) return `${kept}: while that broker is away messages wait, and what it loses is lost.`
  const away = Math.max(0, spareOf(weakest))
  const works =
    away === 0
      ? 'messages wait while any of them is away'
      : `messages go on while ${away} of them ${away === 1 ? 'is' : 'are'} away`
  const lost = minInSync - 1
  const survives =
    lost === 0 ? 'the loss of one can lose records (min.insync.replicas)' : `no record is lost with ${brokers(lost)}`
  return `${kept}: ${works}, and ${survives}.`
}

const spareOf = ({ replicas, minInSync }: TopicSettings) => replicas - minInSync

const brokers = (count: number) => countOf(count, 'broker')

/**
 * The warning about topics that keep records for longer than rows are kept; undefined when there are none.
 * @param rowDays RETENTION
 */
export function retentionWarning(settings: readonly TopicSettings[], rowDays: number): string | undefined {
  const longer = settings.filter(({ recordHours }) => recordHours > rowDays * 24)
  if (longer.length === 0) return undefined
  const most = Math.max(...longer.map(({ recordHours }) => recordHours))
  const raise = Number.isFinite(most) ? `, or set RETENTION to ${Math.ceil(most / 24)}` : ''
  const kept = Number.isFinite(most) ? `for up to ${Math.ceil(most)} hours` : 'for ever'
  const topics = longer.map(({ topic }) => topic).join(', ')
  return (
    `Records are kept ${kept} (retention.ms and segment.ms of ${topics}) but their rows for ${rowDays * 24} (RETENTION), ` +
    `and a record that is read again after its row was removed is processed twice: lower retention.ms${raise}.`
  )
}
