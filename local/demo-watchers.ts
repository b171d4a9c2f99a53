import { join } from 'node:path'
import { childEnvironment, exportsTraces, tracesProtocol } from '../pipeline/config.ts'
import type { DemoServer, ServersOptions } from './demo-servers.ts'
import { findProgram, type Program } from './find-program.ts'
import { isFree } from './free-port.ts'
import { startGrafana } from './grafana.ts'
import type { LocalServer } from './local-server.ts'
import { startPrometheus } from './prometheus.ts'
import { startTempo } from './tempo.ts'

/** Everybody's usual ports, which every guide names. */
const usualPorts = { prometheus: 9090, tempo: 3200, otlpGrpc: 4317, otlpHttp: 4318, grafana: 3000 }

export type WatcherPorts = Readonly<typeof usualPorts>

interface Watcher {
  readonly name: string
  readonly program: Program
  readonly ports: readonly number[]
  readonly start: (command: string, options: ServersOptions) => Promise<LocalServer>
  /** What the processes of the pipeline need in their environment beside ours. */
  readonly env: Readonly<Record<string, string>>
  /** What a person finds there. */
  readonly about: string
}

const prometheus = (ports: WatcherPorts): Watcher => ({
  name: 'Prometheus',
  program: 'prometheus',
  ports: [ports.prometheus],
  start: (command, { dataDir, say, signal }) =>
    startPrometheus({ command, port: ports.prometheus, dataDir: join(dataDir, 'prometheus'), say, signal }),
  env: {},
  about: 'scrapes every process',
})

const tempo = (ports: WatcherPorts, protocol: string): Watcher => ({
  name: 'Tempo',
  program: 'tempo',
  ports: [ports.tempo, ports.otlpGrpc, ports.otlpHttp],
  start: (command, { dataDir, say, signal }) =>
    startTempo({
      command,
      port: ports.tempo,
      otlpGrpcPort: ports.otlpGrpc,
      otlpHttpPort: ports.otlpHttp,
      remoteWriteUrl: `http://localhost:${ports.prometheus}/api/v1/write`,
      dataDir: join(dataDir, 'tempo'),
      say,
      signal,
    }),
  env: {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${protocol === 'grpc' ? ports.otlpGrpc : ports.otlpHttp}`,
  },
  about: `a message's trace is at http://localhost:${ports.tempo}/api/traces/ID`,
})

const GRAFANA_PASSWORD = 'grafana'

const grafana = (ports: WatcherPorts): Watcher => ({
  name: 'Grafana',
  program: 'grafana',
  ports: [ports.grafana],
  start: (command, { config, dataDir, monitorPort, say, signal }) =>
    startGrafana({
      command,
      port: ports.grafana,
      dataDir: join(dataDir, 'grafana'),
      say,
      signal,
      env: {
        PROMETHEUS_URL: `http://localhost:${ports.prometheus}`,
        TEMPO_URL: `http://localhost:${ports.tempo}`,
        POSTGRES_ADDRESS: `${config.DB_HOST}:${config.DB_PORT}`,
        POSTGRES_SSLMODE: config.DB_SSLMODE,
        DB_NAME: config.DB_NAME,
        GRAFANA_DB_PASSWORD: GRAFANA_PASSWORD,
        ALERTS_URL: `http://localhost:${monitorPort}/alerts`,
      },
    }),
  // By it `migrate` makes the role with which Grafana reads.
  env: { GRAFANA_DB_PASSWORD: GRAFANA_PASSWORD },
  about: `the dashboards are at http://localhost:${ports.grafana}`,
})

/**
 * Finds out which of Prometheus, Tempo and Grafana are installed, so that the demo can start them. Tempo is not started
 * when the environment says where traces go, and none of them where something else has its port, such as a Prometheus
 * that came as a service.
 * @returns what starts them, in an order in which each finds those that it needs
 * @throws {UserError} when a variable such as TEMPO_BIN is wrong
 */
export async function plannedWatchers(
  options: ServersOptions,
  ports: WatcherPorts = usualPorts,
): Promise<(() => Promise<DemoServer>)[]> {
  const { config, say, watchers } = options
  if (!watchers) return []
  const ownTempo = tempo(ports, tracesProtocol(config))
  const isTempoUnwanted = exportsTraces() || !exportsTraces(childEnvironment(ownTempo.env))
  const wanted = [prometheus(ports), ...(isTempoUnwanted ? [] : [ownTempo]), grafana(ports)]
  const found = wanted.map((watcher) => ({ watcher, command: findProgram(watcher.program) }))
  const missing = found.filter(({ command }) => command === undefined).map(({ watcher }) => watcher.name)
  if (missing.length > 0) say(`Not installed here, and done without: ${missing.join(', ')}.`)
  const starts: (() => Promise<DemoServer>)[] = []
  for (const { watcher, command } of found) {
    if (command === undefined) continue
    const taken = await firstTaken(watcher.ports)
    if (taken === undefined) starts.push(() => start(watcher, command, options))
    else say(`Done without ${watcher.name}: something else has its port, ${taken}.`)
  }
  return starts
}

async function start(watcher: Watcher, command: string, options: ServersOptions): Promise<DemoServer> {
  const process = await watcher.start(command, options)
  const address = `localhost:${process.port}`
  options.say(`${watcher.name} is up at ${address}: ${watcher.about}.`)
  return { name: watcher.name, address, env: watcher.env, process }
}

async function firstTaken(candidates: readonly number[]): Promise<number | undefined> {
  for (const port of candidates) if (!(await isFree(port))) return port
  return undefined
}
