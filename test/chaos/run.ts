import { childEnvironment, readConfig, type Config } from '../../pipeline/config.ts'
import { openDatabase } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka } from '../../kafka/client.ts'
import { createLog } from '../../telemetry/log.ts'
import { seededRandom } from '../../stages/seeded-random.ts'
import { checkChaos, type Findings } from './checks.ts'
import { letFaultsHappen } from './faults.ts'
import { planFaults, type Fault } from './plan.ts'
import { startProcesses, victimsAmong, type ChaosProcesses } from './processes.ts'
import { watchRedeliveries } from './redeliveries.ts'
import { untilQuiet } from './quiet.ts'
import { postByHand } from '../support/hand-poster.ts'
import { startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver.ts'
import { startOwnServers, type OwnServers } from '../support/own-servers.ts'
import { runThroughline } from '../support/run-throughline.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly minutes: number
  /** Of every stage. */
  readonly replicas: number
  /** Messages a second from the generator; a fifth as many are posted by hand. */
  readonly rate: number
  /** Gets a line for each thing that happens. */
  readonly say: (line: string) => void
  /** Gets every line that a process of the pipeline writes, with its name in front. */
  readonly onLine: (line: string) => void
}

export interface ChaosReport extends Findings {
  readonly faults: readonly Fault[]
  /** How processes ended that nobody had killed, or that did not obey SIGTERM. */
  readonly oddEnds: readonly string[]
  /** Messages that a stage was given again and found in its rows, as far as they were seen. */
  readonly redeliveries: number
  /** From the end of the flow until nothing waited. */
  readonly settledAfterMs: number
}

/** Runs the whole pipeline on servers of its own, maltreats it, lets it come to rest and checks every promise. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const oddEnds: string[] = []
  await using servers = await startOwnServers()
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
    onEnd({ name, code, signal, wanted }) {
      // SIGTERM by itself ends a process that is not far enough to listen to it.
      const isFine = code === 0 || (signal !== null && signal === wanted)
      const upon = wanted === undefined ? '' : ` upon ${wanted}`
      if (!isFine) oddEnds.push(`${name} ended by ${signal ?? `code ${code}`}${upon}.`)
    },
  })
  const faults = await maltreat(options, config, servers, processes)
  await processes.generator.stop()
  // What the last life of the generator has saved but not sent is sent by the next one.
  await runThroughline(['generator', '--messages', '1'], env)
  options.say('The flow has ended. Waiting until nothing waits.')
  const findings = await settleAndCheck({ config, receiver, say: options.say })
  return { ...findings, faults, oddEnds, redeliveries: redeliveries.seen() }
}

/** Lets messages in from both sides while the planned faults happen, and returns those. */
async function maltreat(
  { seed, minutes, rate, say }: ChaosOptions,
  config: Config,
  servers: OwnServers,
  processes: ChaosProcesses,
): Promise<Fault[]> {
  const durationMs = minutes * 60_000
  const faults = planFaults(seed, durationMs)
  const done = new AbortController()
  const posting = postByHand({ config, random: seededRandom(seed), rate: rate / 5, signal: done.signal })
  const begin = performance.now()
  const onFault = ({ kind, lastsMs }: Fault, victim: string) => {
    const second = Math.round((performance.now() - begin) / 1000)
    const lasts = kind === 'freeze' ? ` for ${(lastsMs / 1000).toFixed(1)} s` : ''
    say(`${String(second).padStart(4)} s  ${kind} ${victim}${lasts}`)
  }
  await letFaultsHappen({ faults, victims: victimsAmong(processes, servers), onFault, durationMs })
  done.abort()
  await posting
  return faults
}

interface Settling extends Pick<ChaosOptions, 'say'> {
  readonly config: Config
  readonly receiver: OtlpReceiver
}

async function settleAndCheck({
  config,
  receiver,
  say,
}: Settling): Promise<Findings & { settledAfterMs: number }> {
  const kafka = createKafka(kafkaSettings(config, 'chaos'), createLog('silent', {}))
  const database = openDatabase(config, 2, () => {})
  const admin = kafka.admin()
  await admin.connect()
  try {
    const begin = performance.now()
    const isQuiet = await untilQuiet(admin, config, database)
    const settledAfterMs = performance.now() - begin
    say('Checking every message.')
    const { problems, counts } = await checkChaos({ kafka, admin, config, database, spans: receiver.spans })
    const stuck = isQuiet ? [] : ['The pipeline did not come to rest: nothing changed any more.']
    return { problems: [...stuck, ...problems], counts, settledAfterMs }
  } finally {
    await admin.disconnect()
    await database.end()
  }
}
