import { childEnvironment, type Config, readConfig } from '../../pipeline/config.ts'
import { openDatabase } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createAdmin, createKafka } from '../../kafka/client.ts'
import { createLog } from '../../telemetry/log.ts'
import { seededRandom } from '../support/data/random.ts'
import { injectBrokerFaults } from './inject-broker-faults.ts'
import { checkChaos, type CheckOptions, type Findings } from './checks/check-chaos.ts'
import { checkLastVerdicts, watchVerdicts } from './checks/verdicts.ts'
import { injectFaults } from './faults.ts'
import { planFaults, type Fault } from './plan.ts'
import { startProcesses, faultTargets, type ChaosProcesses } from './processes.ts'
import { watchRedeliveries } from './redeliveries.ts'
import { waitUntilSettled } from './settle.ts'
import type { Standstill } from './standstill.ts'
import { produceForeignRecords } from './foreign-producer.ts'
import { startOtlpReceiver, type OtlpReceiver } from '../support/telemetry/otlp-receiver.ts'
import { startChaosServers, type ChaosServers } from './chaos-servers.ts'
import { runScenarios } from './scenario-load.ts'
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
  /** How many scenarios ran, by name. */
  readonly scenarios: ReadonlyMap<string, number>
  readonly verdictCounts: ReadonlyMap<string, number>
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
  await using servers = await startChaosServers(options.brokers, options.say)
  await using receiver = await startOtlpReceiver()
  const env = childEnvironment({
    ...servers.proxiedEnv,
    RATE: String(options.rate),
    LOG_LEVEL: 'info',
    SCENARIOS: 'on',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
  })
  const config = readConfig(servers.env)
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
  await using harness = await openHarness(config)
  await using verdicts = watchVerdicts({ ...harness, targets: processes.targets })
  const injected = await runWithFaults(options, { config, env, servers, processes })
  await processes.generator.stop()
  // A new generator sends what the last one saved in the outbox and did not send.
  await runThroughline(['generator', '--messages', '1'], env)
  options.say('No more messages enter. Waiting until the backlog is empty.')
  const findings = await settleAndCheck({ ...harness, receiver, say: options.say })
  const problems = [...findings.problems, ...verdicts.problems]
  const { counts: verdictCounts } = verdicts
  return { ...findings, ...injected, problems, verdictCounts, unexpectedExits, redeliveries: redeliveries.total() }
}

type Injected = Pick<ChaosReport, 'faults' | 'standstills' | 'scenarios'>

interface System {
  readonly config: Config
  /** Of a process behind the proxies. */
  readonly env: NodeJS.ProcessEnv
  readonly servers: ChaosServers
  readonly processes: ChaosProcesses
}

/** Sends messages as generator and as foreign client while the faults are injected. Returns the faults. */
async function runWithFaults(options: ChaosOptions, system: System): Promise<Injected> {
  const { config, env, servers, processes } = system
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
  const load = { env, random: seededRandom(seed), say, onLine: options.onLine, signal: done.signal }
  const scenarios = only === undefined ? runScenarios(load) : Promise.resolve(new Map<string, number>())
  const onFault = ({ kind, lastsMs }: Fault, target: string) => say(`${kind} ${target}, ${(lastsMs / 1000).toFixed(1)} s`)
  const injecting = Promise.all([
    servers.brokers.length === 1
      ? new Map<string, Standstill[]>()
      : injectBrokerFaults({ ...options, config, servers, targets: processes.targets, say }),
    injectFaults({ faults, targets, onFault, durationMs }),
  ]).finally(() => done.abort())
  const [[standstills], ran] = await Promise.all([injecting, scenarios, producing])
  return { faults, standstills, scenarios: ran }
}

function sayWithTime(say: ChaosOptions['say']): ChaosOptions['say'] {
  const begin = performance.now()
  return (line) => say(`${String(Math.round((performance.now() - begin) / 1000)).padStart(4)} s  ${line}`)
}

/** A check reads all rows of a run, beside everything else that still runs. */
const CHECK_TIMEOUT_MS = 300_000

interface Harness extends AsyncDisposable, Pick<CheckOptions, 'config' | 'kafka' | 'admin' | 'database'> {}

/** The harness's own connections, past the proxies. */
async function openHarness(config: Config): Promise<Harness> {
  const kafka = createKafka(kafkaSettings(config, 'chaos'), createLog('silent', {}))
  const database = openDatabase(config, 2)
  database.options.query_timeout = CHECK_TIMEOUT_MS
  const admin = createAdmin(kafka)
  await admin.connect()
  const close = async () => void (await Promise.all([admin.disconnect(), database.end()]))
  return { config, kafka, admin, database, [Symbol.asyncDispose]: close }
}

interface SettleOptions extends Harness, Pick<ChaosOptions, 'say'> {
  readonly receiver: OtlpReceiver
}

async function settleAndCheck({ receiver, say, ...harness }: SettleOptions) {
  const { admin, config, database } = harness
  const begin = performance.now()
  const isSettled = await waitUntilSettled(admin, config, database)
  const settledAfterMs = performance.now() - begin
  const verdicts = await checkLastVerdicts(database)
  say('Checking every message.')
  const { problems, counts } = await checkChaos({ ...harness, spans: receiver.spans })
  const stuck = isSettled ? [] : ['The backlog did not become empty and did not change any more.']
  return { problems: [...stuck, ...verdicts, ...problems], counts, settledAfterMs }
}
