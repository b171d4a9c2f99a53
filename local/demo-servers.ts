import { join } from 'node:path'
import { isFree } from '../cli/doctor/checks-before.ts'
import { serverMistake, withDatabase, withKafka } from '../cli/servers.ts'
import { type Config, childEnvironment, exportsTraces, isGiven, tracesProtocol } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { type Program, findProgram, requireFreePort } from './host-resources.ts'
import { startKafka } from './kafka.ts'
import type { LocalServer } from './local-server.ts'
import { type ObservabilityOptions, startGrafana, startPrometheus, startTempo } from './observability-servers.ts'
import { startPostgres } from './postgres.ts'

/** A server that the demo can start. */
interface DemoServer {
  readonly name: string
  /** "localhost:19092" */
  readonly address: string
  /** The variables that lead the processes of the pipeline to it. */
  readonly env: Readonly<Record<string, string>>
  /** What the user finds there, for the line that says that it is up. */
  readonly about?: string
  /** Resolves with its processes. */
  readonly start: () => Promise<readonly LocalServer[]>
}

export interface ServersOptions {
  readonly config: Config
  readonly kafkaPort: number
  /** How many brokers Kafka has. */
  readonly brokers: number
  /** The port of the monitor, which receives alerts. */
  readonly monitorPort: number
  /** Whether Prometheus, Tempo and Grafana are started where they are installed. */
  readonly watchers: boolean
  readonly dataDir: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Starts Kafka and Postgres, unless BOOTSTRAP_SERVERS and DB_HOST or DATABASE_URL name others, and the observability servers that are
 * installed. Disposing stops the started ones.
 * @throws {UserError} when something that they need is missing; nothing runs then
 */
export async function startServers(options: ServersOptions) {
  // All checks come before the first start: Kafka needs some seconds, and an error of Postgres should not come after them.
  const planned = [...(await planKafka(options)), ...(await planPostgres(options)), ...(await planObservability(options))]
  return await startPlanned(planned, options.say)
}

/** Starts servers one after the other. */
export async function startPlanned(planned: readonly DemoServer[], say: ServersOptions['say']) {
  const processes: LocalServer[] = []
  await using starting = new AsyncDisposableStack()
  // The demo promises to end within ten seconds, and the servers survive SIGKILL.
  starting.defer(async () => void (await Promise.all(processes.map((server) => server.stop({ graceMs: 3000 })))))
  for (const { name, address, about, start } of planned) {
    processes.push(...(await start()))
    say(`${name} is up at ${address}${about === undefined ? '' : `: ${about}`}.`)
  }
  const running = starting.move()
  const names = planned.map(({ name }) => name)
  const env: Record<string, string> = Object.assign({}, ...planned.map((server) => server.env))
  return { names, processes, env, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function planKafka(options: ServersOptions): Promise<DemoServer[]> {
  const { config, kafkaPort: port, brokers, dataDir, say, signal } = options
  const { BOOTSTRAP_SERVERS, KAFKA_HOME: kafkaHome } = config
  if (isGiven('BOOTSTRAP_SERVERS')) {
    say(`BOOTSTRAP_SERVERS is set: the Kafka at ${BOOTSTRAP_SERVERS.join(',')} is used.`)
    await withKafka(config, ({ admin }) => admin.listTopics())
    return []
  }
  if (isGiven('KAFKA_SECURITY_PROTOCOL')) {
    throw new UserError(
      'KAFKA_SECURITY_PROTOCOL is set: name its Kafka in BOOTSTRAP_SERVERS, or unset it for the one of the demo.',
    )
  }
  const ports = Array.from({ length: brokers }, (_, index) => port + index)
  for (const each of ports) await requireFreePort(each, 'Kafka', `\`npm run demo -- --kafka-port ${another(port)}\``)
  const address = ports.map((each) => `localhost:${each}`).join(',')
  const own = { port, brokers, dataDir: join(dataDir, 'kafka'), kafkaHome, say, signal }
  const env = { BOOTSTRAP_SERVERS: address, TOPICS_AUTO_CREATE: 'true' }
  return [{ name: 'Kafka', address, env, start: async () => (await startKafka(own)).brokers }]
}

async function planPostgres({ config, dataDir, say, signal }: ServersOptions): Promise<DemoServer[]> {
  const { DB_HOST, DB_PORT: port, DB_USER: user, DB_PASSWORD: password, DB_NAME: database } = config
  if (isGiven('DB_HOST') || isGiven('DATABASE_URL')) {
    say(`${isGiven('DATABASE_URL') ? 'DATABASE_URL' : 'DB_HOST'} is set: the Postgres at ${DB_HOST}:${port} is used.`)
    await withDatabase(config, (pool) => pool.query('select 1'))
    return []
  }
  await requireFreePort(port, 'Postgres', `\`DB_PORT=${another(port)} npm run demo\``)
  const own = { port, dataDir: join(dataDir, 'postgres'), user, password, database, signal }
  const start = async () => {
    try {
      return [await startPostgres(own)]
    } catch (error) {
      // Kept data accepts only the user and the password of its first start.
      throw serverMistake(error, config) ?? error
    }
  }
  const env = { DB_HOST: 'localhost', DB_PORT: String(port), DB_SSLMODE: 'disable' }
  return [{ name: 'Postgres', address: `localhost:${port}`, env, start }]
}

const another = (port: number) => (port < 50_000 ? port + 10_000 : port - 10_000)

const defaultPorts = { prometheus: 9090, tempo: 3200, otlpGrpc: 4317, otlpHttp: 4318, grafana: 3000 }

export type ObservabilityPorts = Readonly<typeof defaultPorts>

/**
 * Finds out which of Prometheus, Tempo and Grafana the demo can start: those that are installed and whose ports are free.
 * @returns the servers in an order in which each finds those that it needs
 * @throws {UserError} when a variable such as TEMPO_BIN is wrong
 */
export async function planObservability(
  options: ServersOptions,
  ports: ObservabilityPorts = defaultPorts,
): Promise<DemoServer[]> {
  const { dataDir, say, signal, watchers } = options
  const planned: DemoServer[] = []
  const missing: string[] = []
  for (const { program, ports: own, start, ...server } of watchers ? observabilityServers(options, ports) : []) {
    const command = findProgram(program)
    const areFree = await Promise.all(own.map(isFree))
    const taken = own.find((_, index) => !areFree[index])
    if (command === undefined) missing.push(server.name)
    else if (taken !== undefined) say(`Done without ${server.name}: something else has its port, ${taken}.`)
    else {
      const [port] = own
      const begin = async () => [await start({ command, port, dataDir: join(dataDir, program), signal })]
      planned.push({ ...server, address: `localhost:${port}`, start: begin })
    }
  }
  if (missing.length > 0) say(`Not installed here, and done without: ${missing.join(', ')}.`)
  return planned
}

interface ObservabilityServer extends Omit<DemoServer, 'address' | 'start'> {
  readonly program: Program
  /** All that it listens on; the first is its address. */
  readonly ports: readonly [number, ...number[]]
  readonly start: (options: ObservabilityOptions) => Promise<LocalServer>
}

const GRAFANA_PASSWORD = 'grafana'

/** Without Tempo when the environment says where traces go, or that none are exported. */
function observabilityServers(
  { config, monitorPort }: ServersOptions,
  { prometheus, tempo, otlpGrpc, otlpHttp, grafana }: ObservabilityPorts,
): ObservabilityServer[] {
  const prometheusUrl = `http://localhost:${prometheus}`
  const tempoUrl = `http://localhost:${tempo}`
  const otlpPort = tracesProtocol(config) === 'grpc' ? otlpGrpc : otlpHttp
  const tempoEnv = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${otlpPort}` }
  const grafanaEnv = {
    PROMETHEUS_URL: prometheusUrl,
    TEMPO_URL: tempoUrl,
    POSTGRES_ADDRESS: `${config.DB_HOST}:${config.DB_PORT}`,
    POSTGRES_SSLMODE: config.DB_SSLMODE,
    DB_NAME: config.DB_NAME,
    GRAFANA_DB_PASSWORD: GRAFANA_PASSWORD,
    ALERTS_URL: `http://localhost:${monitorPort}/alerts`,
  }
  const tempoOptions = { otlpGrpcPort: otlpGrpc, otlpHttpPort: otlpHttp, remoteWriteUrl: `${prometheusUrl}/api/v1/write` }
  const servers: ObservabilityServer[] = [
    {
      name: 'Prometheus',
      program: 'prometheus',
      ports: [prometheus],
      env: {},
      about: 'scrapes every process',
      start: startPrometheus,
    },
    {
      name: 'Tempo',
      program: 'tempo',
      ports: [tempo, otlpGrpc, otlpHttp],
      env: tempoEnv,
      about: `a message's trace is at ${tempoUrl}/api/traces/ID`,
      start: (own) => startTempo({ ...own, ...tempoOptions }),
    },
    {
      name: 'Grafana',
      program: 'grafana',
      ports: [grafana],
      // With this password `migrate` creates the role that Grafana reads with.
      env: { GRAFANA_DB_PASSWORD: GRAFANA_PASSWORD },
      about: `the dashboards are at http://localhost:${grafana}`,
      start: (own) => startGrafana({ ...own, env: grafanaEnv }),
    },
  ]
  const useTempo = !exportsTraces() && exportsTraces(childEnvironment(tempoEnv))
  return servers.filter(({ program }) => program !== 'tempo' || useTempo)
}
