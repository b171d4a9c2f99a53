import { realpathSync } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { childEnvironment } from '../pipeline/config.ts'
import { freePort, requireDiskSpace, requireFreePort } from './host-resources.ts'
import { type LocalServer, type ServerOptions, answersHttp, startServer } from './local-server.ts'

export interface ObservabilityOptions extends ServerOptions {
  /** The path of the program, from `findProgram`. */
  readonly command: string
}

/** The directories whose files compose mounts, too. */
const TELEMETRY = join(import.meta.dirname, '..', 'telemetry')
const GRAFANA = join(import.meta.dirname, '..', 'grafana')

/** The directory of the files that name the processes to scrape: [{"targets": ["localhost:9464"]}] */
export function targetsOf(dataDir: string): string {
  return join(dataDir, 'targets')
}

/**
 * Starts Prometheus with the flags that compose gives it.
 * @throws {UserError} when the port is taken or the disk is full
 */
export async function startPrometheus(options: ObservabilityOptions): Promise<LocalServer> {
  const { port, dataDir, command } = options
  await requireFreePort(port, 'Prometheus', options.changePortWith)
  await requireDiskSpace(targetsOf(dataDir))
  // Prometheus resolves the paths of target files against the directory of its configuration.
  await copyFile(join(TELEMETRY, 'prometheus.yml'), join(dataDir, 'prometheus.yml'))
  const cwd = resolve(dataDir)
  const args = [
    '--config.file=prometheus.yml',
    `--storage.tsdb.path=${join(cwd, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--enable-feature=exemplar-storage',
    '--log.level=warn',
  ]
  return await startServer(options, {
    command: () => ({ name: 'Prometheus', command, args, cwd, env: childEnvironment({}) }),
    isReady: () => answersHttp(`http://127.0.0.1:${port}/-/ready`),
  })
}

export interface TempoOptions extends ObservabilityOptions {
  /** The port of 127.0.0.1 that accepts OTLP over HTTP. */
  readonly otlpHttpPort: number
  /** The same over gRPC. */
  readonly otlpGrpcPort: number
  /** Where metrics that are generated from spans go: the remote write address of a Prometheus. */
  readonly remoteWriteUrl: string
}

/**
 * Starts Grafana Tempo 3.
 * @throws {UserError} when a port is taken or the disk is full
 */
export async function startTempo(options: TempoOptions): Promise<LocalServer> {
  const { port, otlpHttpPort, otlpGrpcPort, changePortWith, command } = options
  for (const each of [port, otlpHttpPort, otlpGrpcPort]) await requireFreePort(each, 'Tempo', changePortWith)
  const cwd = resolve(options.dataDir)
  await requireDiskSpace(cwd)
  const environment = async () =>
    childEnvironment({
      TEMPO_ADDRESS: '127.0.0.1',
      TEMPO_PORT: String(port),
      TEMPO_OTLP_HTTP_PORT: String(otlpHttpPort),
      TEMPO_OTLP_GRPC_PORT: String(otlpGrpcPort),
      TEMPO_GRPC_PORT: String(await freePort()),
      TEMPO_DATA_DIR: cwd,
      TEMPO_REMOTE_WRITE_URL: options.remoteWriteUrl,
    })
  const args = [`-config.file=${join(TELEMETRY, 'tempo.yaml')}`, '-config.expand-env=true']
  return await startServer(options, {
    command: async () => ({ name: 'Tempo', command, args, cwd, env: await environment() }),
    isReady: () => answersHttp(`http://127.0.0.1:${port}/ready`),
  })
}

export interface GrafanaOptions extends ObservabilityOptions {
  /** The variables of grafana/provisioning: addresses of the data sources and of the alert receiver. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Starts Grafana with the project's data sources, dashboards and alerts.
 * @throws {UserError} when the port is taken or the disk is full
 */
export async function startGrafana(options: GrafanaOptions): Promise<LocalServer> {
  const { port, command } = options
  await requireFreePort(port, 'Grafana', options.changePortWith)
  const cwd = resolve(options.dataDir)
  await requireDiskSpace(cwd)
  // The program is in bin/ of Grafana's home; on the PATH there may be a link to it.
  const home = dirname(dirname(realpathSync(command)))
  const env = childEnvironment({
    ...(parseEnv(await readFile(join(import.meta.dirname, 'grafana.env'), 'utf8')) as Record<string, string>),
    DASHBOARDS: join(GRAFANA, 'dashboards'),
    GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: join(GRAFANA, 'dashboards', 'pipeline.json'),
    GF_PATHS_PROVISIONING: join(GRAFANA, 'provisioning'),
    GF_PATHS_DATA: cwd,
    GF_PATHS_LOGS: join(cwd, 'log'),
    GF_PATHS_PLUGINS: join(cwd, 'plugins'),
    GF_SERVER_HTTP_PORT: String(port),
    ...options.env,
  })
  return await startServer(options, {
    command: () => ({ name: 'Grafana', command, args: ['server', `-homepath=${home}`], cwd, env }),
    isReady: () => answersHttp(`http://127.0.0.1:${port}/api/health`),
    readyTimeoutMs: 120_000,
  })
}
