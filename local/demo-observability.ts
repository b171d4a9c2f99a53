import { join } from 'node:path'
import { type Config, childEnvironment, exportsTraces, tracesProtocol } from '../pipeline/config.ts'
import { type Program, findProgram, isFree } from './host-resources.ts'
import type { LocalServer } from './local-server.ts'
import { startGrafana, startPrometheus, startTempo } from './observability-servers.ts'

/** A server that the demo uses, before it is started. */
export interface PlannedServer {
  readonly name: string
  /** "localhost:19092" */
  readonly address: string
  /** The variables that lead the processes of the pipeline to it. */
  readonly env: Readonly<Record<string, string>>
  /** What the user finds there, for the line that says that it is up. */
  readonly about?: string
  /** Undefined when it runs already, without the demo. */
  readonly start?: () => Promise<LocalServer>
}

export interface ServersOptions {
  readonly config: Config
  readonly kafkaPort: number
  /** The port of the monitor, which receives alerts. */
  readonly monitorPort: number
  /** Whether Prometheus, Tempo and Grafana are started where they are installed. */
  readonly watchers: boolean
  readonly dataDir: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

const defaultPorts = { prometheus: 9090, tempo: 3200, otlpGrpc: 4317, otlpHttp: 4318, grafana: 3000 }

export type ObservabilityPorts = Readonly<typeof defaultPorts>

/**
 * Finds out which of Prometheus, Tempo and Grafana the demo can start: those that are installed and whose ports are free.
 * Tempo is left out when the environment says where traces go, or that none are exported.
 * @returns the servers in an order in which each finds those that it needs
 * @throws {UserError} when a variable such as TEMPO_BIN is wrong
 */
export async function planObservability(
  options: ServersOptions,
  ports: ObservabilityPorts = defaultPorts,
): Promise<PlannedServer[]> {
  const { say, watchers } = options
  if (!watchers) return []
  const wanted = candidates(options, ports).filter(
    ({ name, env }) => name !== 'Tempo' || (!exportsTraces() && exportsTraces(childEnvironment(env))),
  )
  const found = wanted.map((server) => ({ server, command: findProgram(server.program) }))
  const missing = found.filter(({ command }) => command === undefined).map(({ server }) => server.name)
  if (missing.length > 0) say(`Not installed here, and done without: ${missing.join(', ')}.`)
  const planned: PlannedServer[] = []
  for (const { server, command } of found) {
    if (command === undefined) continue
    const taken = await firstTaken(server.ports)
    if (taken === undefined) planned.push({ ...server, start: () => server.start(command) })
    else say(`Done without ${server.name}: something else has its port, ${taken}.`)
  }
  return planned
}

interface Candidate extends Omit<PlannedServer, 'start'> {
  readonly program: Program
  readonly ports: readonly number[]
  readonly start: (command: string) => Promise<LocalServer>
}

const GRAFANA_PASSWORD = 'grafana'

function candidates(options: ServersOptions, ports: ObservabilityPorts): Candidate[] {
  const { config, dataDir, monitorPort, say, signal } = options
  const { prometheus, tempo, otlpGrpc, otlpHttp, grafana } = ports
  const tempoOptions = {
    otlpGrpcPort: otlpGrpc,
    otlpHttpPort: otlpHttp,
    remoteWriteUrl: `http://localhost:${prometheus}/api/v1/write`,
  }
  const grafanaEnv = {
    PROMETHEUS_URL: `http://localhost:${prometheus}`,
    TEMPO_URL: `http://localhost:${tempo}`,
    POSTGRES_ADDRESS: `${config.DB_HOST}:${config.DB_PORT}`,
    POSTGRES_SSLMODE: config.DB_SSLMODE,
    DB_NAME: config.DB_NAME,
    GRAFANA_DB_PASSWORD: GRAFANA_PASSWORD,
    ALERTS_URL: `http://localhost:${monitorPort}/alerts`,
  }
  const own = (program: Program, port: number) => ({ port, dataDir: join(dataDir, program), say, signal })
  return [
    {
      name: 'Prometheus',
      program: 'prometheus',
      address: `localhost:${prometheus}`,
      ports: [prometheus],
      env: {},
      about: 'scrapes every process',
      start: (command) => startPrometheus({ command, ...own('prometheus', prometheus) }),
    },
    {
      name: 'Tempo',
      program: 'tempo',
      address: `localhost:${tempo}`,
      ports: [tempo, otlpGrpc, otlpHttp],
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${tracesProtocol(config) === 'grpc' ? otlpGrpc : otlpHttp}`,
      },
      about: `a message's trace is at http://localhost:${tempo}/api/traces/ID`,
      start: (command) => startTempo({ command, ...tempoOptions, ...own('tempo', tempo) }),
    },
    {
      name: 'Grafana',
      program: 'grafana',
      address: `localhost:${grafana}`,
      ports: [grafana],
      // With this password `migrate` creates the role that Grafana reads with.
      env: { GRAFANA_DB_PASSWORD: GRAFANA_PASSWORD },
      about: `the dashboards are at http://localhost:${grafana}`,
      start: (command) => startGrafana({ command, env: grafanaEnv, ...own('grafana', grafana) }),
    },
  ]
}

async function firstTaken(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) if (!(await isFree(port))) return port
  return undefined
}
