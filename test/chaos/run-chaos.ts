import { childEnvironment, type Config, readConfig } from '../../pipeline/config.ts'
import { openDatabase } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka } from '../../kafka/client.ts'
import { createLog } from '../../telemetry/log.ts'
import { seededRandom } from '../support/data/random.ts'
import { injectBrokerFaults } from './inject-broker-faults.ts'
import { checkChaos, type Findings } from './checks/check-chaos.ts'
import { injectFaults } from './faults.ts'
import { planFaults, type Fault } from './plan.ts'
import { startProcesses, faultTargets, type ChaosProcesses } from './processes.ts'
import { watchRedeliveries } from './redeliveries.ts'
import { waitUntilSettled } from './settle.ts'
import type { Standstill } from './standstill.ts'
import { produceForeignRecords } from './foreign-producer.ts'
import { startOtlpReceiver, type OtlpReceiver } from '../support/telemetry/otlp-receiver.ts'
import { startDedicatedServers, type DedicatedServers } from '../support/processes/dedicated-servers.ts'
import { runThroughline } from '../support/processes/throughline-cli.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly minutes: number
  /** Of every stage. */
  readonly replicas: number
  /** Messages a second from the generator; a fifth as many come from the foreign client. */
  readonly rate: number
  /** One, or three with three replicas of every topic. */
  readonly brokers: number
  /** Faults of three brokers, by name. Without this: each of them, one after the other, besides all other faults. */
  readonly only?: readonly string[] | undefined
  /** How often each of `only` is injected. */
  readonly times?: number
  /** Receives a line for each event. */
  readonly say: (line: string) => void
  /** Receives every line that a process writes, prefixed with its name. */
  readonly onLine: (line: string) => void
}

export interface ChaosReport extends Findings {
  readonly faults: readonly Fault[]
  /** For each fault of three brokers, the standstill after each injection. */
  readonly standstills: ReadonlyMap<string, readonly Standstill[]>
  /** Exits that no fault explains, or with another code than 0 after SIGTERM. */
  readonly unexpectedExits: readonly string[]
  /** Records that stages received again and found in their rows, as far as the metrics were read in time. */
  readonly redeliveries: number
  /** Milliseconds from the last message until the backlog was empty. */
  readonly settledAfterMs: number
}

/** Runs the pipeline on dedicated servers, injects faults, waits until the backlog is empty and checks all guarantees. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const unexpectedExits: string[] = []
  await using servers = await startDedicatedServers(options)
  await using receiver = await startOtlpReceiver()
  const settings = {
    ...servers.env,
    RATE: String(options.rate),
    LOG_LEVEL: 'info',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
  }
  const env = childEnvironment(settings)
  const config = readConfig(settings)
  options.say('Kafka and Postgres are ready.')
  await runThroughline(['migrate'], env)
  await using redeliveries = watchRedeliveries()
  await using processes = await startProcesses({
    env,
    replicas: options.replicas,
    onLine(process, line) {
      redeliveries.onLine(process, line)
      options.onLine(`${process}: ${line}`)
    },
    onExit({ name, code, signal, sentSignal }) {
      // A starting process that does not handle SIGTERM yet is ended by it.
      const isExpected = code === 0 || (signal !== null && signal === sentSignal)
      const after = sentSignal === undefined ? '' : ` after ${sentSignal}`
      if (!isExpected) unexpectedExits.push(`${name} exited with ${signal ?? `code ${code}`}${after}.`)
    },
  })
  const injected = await runWithFaults(options, config, servers, processes)
  await processes.generator.stop()
  // A new generator sends what the last one saved in the outbox and did not send.
  await runThroughline(['generator', '--messages', '1'], env)
  options.say('No more messages enter. Waiting until the backlog is empty.')
  const findings = await settleAndCheck({ config, receiver, say: options.say })
  return { ...findings, ...injected, unexpectedExits, redeliveries: redeliveries.total() }
}

type Injected = Pick<ChaosReport, 'faults' | 'standstills'>

/** Sends messages as generator and as foreign client while the faults are injected. Returns the faults. */
async function runWithFaults(
  options: ChaosOptions,
  config: Config,
  servers: DedicatedServers,
  processes: ChaosProcesses,
): Promise<Injected> {
  const { seed, minutes, rate, only } = options
  const durationMs = only === undefined ? minutes * 60_000 : 0
  const targets = faultTargets(processes, servers)
  // Faults of three brokers are not planned in advance: each lasts until every replica is in sync again.
  const faults = planFaults(seed, durationMs).filter(({ target }) => target !== 'Kafka' || servers.brokers.length === 1)
  const done = new AbortController()
  const producing = produceForeignRecords({
    config,
    random: seededRandom(seed),
    rate: rate / 5,
    signal: done.signal,
  })
  const say = sayWithTime(options.say)
  const onFault = ({ kind, lastsMs }: Fault, target: string) => {
    const lasts = kind === 'freeze' ? ` for ${(lastsMs / 1000).toFixed(1)} s` : ''
    say(`${kind} ${target}${lasts}`)
  }
  const [standstills] = await Promise.all([
    servers.brokers.length === 1
      ? new Map<string, Standstill[]>()
      : injectBrokerFaults({ ...options, config, brokers: servers.brokers, say }),
    injectFaults({ faults, targets, onFault, durationMs }),
  ])
  done.abort()
  await producing
  return { faults, standstills }
}

function sayWithTime(say: ChaosOptions['say']): ChaosOptions['say'] {
  const begin = performance.now()
  return (line) => say(`${String(Math.round((performance.now() - begin) / 1000)).padStart(4)} s  ${line}`)
}

interface SettleOptions extends Pick<ChaosOptions, 'say'> {
  readonly config: Config
  readonly receiver: OtlpReceiver
}

async function settleAndCheck({ config, receiver, say }: SettleOptions): Promise<Findings & { settledAfterMs: number }> {
  const kafka = createKafka(kafkaSettings(config, 'chaos'), createLog('silent', {}))
  const database = openDatabase(config, 2)
  const admin = kafka.admin()
  await admin.connect()
  try {
    const begin = performance.now()
    const isSettled = await waitUntilSettled(admin, config, database)
    const settledAfterMs = performance.now() - begin
    say('Checking every message.')
    const { problems, counts } = await checkChaos({ kafka, admin, config, database, spans: receiver.spans })
    const stuck = isSettled ? [] : ['The backlog did not become empty and did not change any more.']
    return { problems: [...stuck, ...problems], counts, settledAfterMs }
  } finally {
    await admin.disconnect()
    await database.end()
  }
}
