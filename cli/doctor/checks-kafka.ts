import { randomBytes } from 'node:crypto'
import type { Admin } from '../../kafka/client.ts'
import { createSender } from '../../kafka/producer.ts'
import { isEventHubs } from '../../kafka/security.ts'
import {
  createTopics,
  plannedSettings,
  readTopicSettings,
  replicationSummary,
  type TopicPlan,
  type TopicState,
} from '../../kafka/topics.ts'
import { type Config, exportsTraces, isGiven } from '../../pipeline/config.ts'
import { monitoredGroups, topicPlan, tracerName } from '../../pipeline/route.ts'
import { countOf, formatCount } from '../../stages/refusal.ts'
import { type GroupCount, readCounts } from '../commands/status.ts'
import { withKafka } from '../servers.ts'
import { attempt, checkClock, checkServer, failure, pass, warning, type Finding, type ServerFindings } from './finding.ts'

type Access = Parameters<Parameters<typeof withKafka>[1]>[0]

/** @param clock milliseconds since the epoch */
export async function checkKafka(config: Config, clock: () => number): Promise<ServerFindings> {
  const address = config.BOOTSTRAP_SERVERS.join(', ')
  const others = 'topics, partitions, settings, replication, groups, lag, broker-clock'
  const check = async (access: Access): Promise<Finding[]> => {
    const { admin } = access
    const brokers = (await admin.describeCluster()).brokers.length
    const existing = new Set(await admin.listTopics())
    const findings = await Promise.all([
      attempt('topics', config, () => checkTopics(admin, { config, existing, brokers })),
      attempt('groups', config, () => checkGroups(admin, { config, existing })),
      attempt('broker-clock', config, () => checkBrokerClock(access, config, clock)),
    ])
    const answers = pass('kafka', `Kafka at ${address} answers, with ${countOf(brokers, 'broker')}`)
    return [answers, ...findings.flat()]
  }
  const run = () => withKafka(config, check)
  return await checkServer({ server: 'Kafka', address, others, run }, config)
}

interface Topics {
  readonly config: Config
  readonly existing: ReadonlySet<string>
  readonly brokers: number
}

async function checkTopics(admin: Admin, { config, existing, brokers }: Topics): Promise<Finding[]> {
  const plan = topicPlan(config)
  const missing = plan.names.filter((name) => !existing.has(name))
  const isOurs = config.TOPICS_AUTO_CREATE === 'true'
  const remedy = isOurs ? migrate : 'create them: TOPICS_AUTO_CREATE is false, so `migrate` does not'
  const topics =
    missing.length > 0
      ? failure('topics', `Kafka lacks ${countOf(missing.length, 'topic')}, ${missing.join(', ')}`, remedy)
      : pass('topics', `All ${plan.names.length} topics exist`)
  const rest = plan.names.filter((name) => existing.has(name))
  // Event Hubs has neither these settings nor replicas that could be read.
  if (rest.length === 0 || isEventHubs(config.BOOTSTRAP_SERVERS)) return [topics]
  const states = await readTopicSettings(admin, rest)
  const wanted = isGiven('TOPIC_PARTITIONS') ? config.TOPIC_PARTITIONS : 0
  return [topics, judgePartitions(states, wanted), judgeSettings(states, plan), judgeReplication(states, brokers)]
}

const migrate = 'run `npx throughline migrate`'

/** @param wanted TOPIC_PARTITIONS; 0 where it is not set, since `migrate` then adds no partitions */
export function judgePartitions(states: readonly TopicState[], wanted: number): Finding {
  const most = Math.max(wanted, ...states.map(({ partitions }) => partitions))
  const fewer = states.filter(({ partitions }) => partitions < most)
  if (fewer.length === 0) return pass('partitions', `Each topic has ${countOf(most, 'partition')}`)
  const listed = fewer.map(({ topic, partitions }) => `${topic} (${partitions})`).join(', ')
  const message = `These topics have fewer than ${most} partitions, ${listed}`
  const judge = fewer.some(({ partitions }) => partitions < wanted) ? failure : warning
  return judge('partitions', message, `run \`TOPIC_PARTITIONS=${most} npx throughline migrate\``)
}

/** How long records are kept may be changed; what times and bodies depend on may not. */
const adjustableSettings = new Set(['retention.ms', 'segment.ms'])

export function judgeSettings(states: readonly TopicState[], plan: TopicPlan): Finding {
  const differences = states.flatMap(({ topic, values }) =>
    Object.entries(plannedSettings(topic, plan)).flatMap(([name, planned]) => {
      const value = values.get(name) ?? 'unknown'
      const isFine = name === 'max.message.bytes' ? Number(value) >= Number(planned) : value === planned
      return isFine ? [] : [{ topic, name, planned, value }]
    }),
  )
  const [first, ...others] = differences.toSorted(
    (one, other) => Number(adjustableSettings.has(one.name)) - Number(adjustableSettings.has(other.name)),
  )
  if (first === undefined) return pass('settings', 'Each topic has the settings that `migrate` gives it')
  const { topic, name, planned, value } = first
  const more = others.length === 0 ? '' : ` (and ${countOf(others.length, 'more difference')})`
  const message = `${name} of ${topic} is ${value}, and \`migrate\` would give it ${planned}${more}`
  const remedy = `run \`kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${planned}\` with --bootstrap-server`
  return adjustableSettings.has(name) ? warning('settings', message, remedy) : failure('settings', message, remedy)
}

export function judgeReplication(states: readonly TopicState[], brokers: number): Finding {
  const namesOf = (some: readonly TopicState[]) => some.map(({ topic }) => topic).join(', ')
  const closed = states.filter(({ inSync, minInSync }) => inSync < minInSync)
  const late = states.filter(({ inSync, replicas }) => inSync < replicas)
  const start = 'start the brokers that are away'
  if (closed.length > 0) {
    const message = `Too few replicas are in sync to accept a record (min.insync.replicas) on ${namesOf(closed)}`
    return failure('replication', message, `${start}, or lower min.insync.replicas`)
  }
  if (late.length > 0) return warning('replication', `A replica is away or not in sync on ${namesOf(late)}`, start)
  const summary = replicationSummary(states).replace(/\.$/, '')
  const stopsWithoutOneBroker = brokers > 1 && states.some(({ replicas, minInSync }) => replicas <= minInSync)
  if (!stopsWithoutOneBroker) return pass('replication', summary)
  const remedy = 'keep each record on 3 brokers with min.insync.replicas=2 (new topics: TOPIC_REPLICATION_FACTOR=3)'
  return warning('replication', summary, remedy)
}

async function checkGroups(admin: Admin, { config, existing }: Omit<Topics, 'brokers'>): Promise<Finding[]> {
  // A topic that is missing fails every query that names it.
  const groups = monitoredGroups(config, true).map((group) => {
    return Object.assign(group, { topics: group.topics.filter((topic) => existing.has(topic)) })
  })
  const counts = await readCounts(admin, groups)
  // Without traces the tracer need not run.
  return judgeGroups(counts.filter(({ name, running }) => name !== tracerName || running > 0 || exportsTraces()))
}

type Judged = Pick<GroupCount, 'name' | 'command' | 'running' | 'waiting'>

export function judgeGroups(groups: readonly Judged[]): Finding[] {
  const empty = groups.filter(({ running }) => running === 0)
  const stuck = empty.filter(({ waiting }) => waiting > 0)
  const waiting = groups.reduce((sum, group) => sum + group.waiting, 0)
  const most = groups.toSorted((one, other) => other.waiting - one.waiting)[0]?.name
  const members = groups.map(({ name, running }) => `${name} ${running}`).join(', ')
  const lag = stuck.map((group) => `${formatCount(group.waiting)} in front of ${group.name}`).join(', ')
  return [
    empty.length > 0
      ? failure('groups', `No process runs ${empty.map(({ name }) => name).join(', ')}`, startOf(empty))
      : pass('groups', `Every consumer group has members: ${members}`),
    stuck.length > 0
      ? warning('lag', `Messages wait that no process reads, ${lag}`, startOf(stuck))
      : pass('lag', waiting === 0 ? 'No message waits' : `${formatCount(waiting)} messages wait, most of them for ${most}`),
  ]
}

function startOf(groups: readonly Judged[]): string {
  return `start ${groups.length === 1 ? 'it' : 'them'}: ${groups.map(({ command }) => `\`${command}\``).join(', ')}`
}

/** The broker tells its time only as the append time of a record, for which a topic is made and removed again. */
async function checkBrokerClock({ kafka, settings, admin }: Access, config: Config, clock: () => number): Promise<Finding> {
  if (config.TOPICS_AUTO_CREATE === 'false') {
    const message = "The broker's clock was not read, since TOPICS_AUTO_CREATE=false allows no topic for it"
    return warning('broker-clock', message, 'see that its host synchronises its clock by NTP')
  }
  // Other topics, such as that of a stage `doctor`, and those of a doctor that runs at the same time, have other names.
  const topic = `${config.TOPIC_PREFIX}doctor-${randomBytes(8).toString('hex')}`
  const plan = { ...topicPlan(config), names: [topic], partitions: 1, retentionHours: 1 }
  await using opened = new AsyncDisposableStack()
  const created = await createTopics(admin, plan)
  opened.defer(() => admin.deleteTopics({ topics: created }).catch(() => undefined))
  const sender = opened.adopt(createSender(kafka, settings), (one) => one.close())
  const record = { partition: 0, key: null, value: null, headers: {} }
  const read = async () => (await sender.send(topic, [record]))[0]?.appendedAt ?? Number.NaN
  return await checkClock({ check: 'broker-clock', server: 'the broker' }, read, clock)
}
