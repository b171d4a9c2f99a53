import { realpathSync } from 'node:fs'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { childEnvironment } from '../pipeline/config.ts'
import { freePort } from './host-resources.ts'
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
  const { port, command } = options
  return await startServer('Prometheus', options, async (directory) => {
    await mkdir(targetsOf(directory), { recursive: true })
    // Prometheus resolves the paths of target files against the directory of its configuration.
    await copyFile(join(TELEMETRY, 'prometheus.yml'), join(directory, 'prometheus.yml'))
    const args = [
      '--config.file=prometheus.yml',
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ]
    return { command, args, isReady: () => answersHttp(`http://127.0.0.1:${port}/-/ready`) }
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
 * @throws {UserError} when the port is taken or the disk is full
 */
export async function startTempo(options: TempoOptions): Promise<LocalServer> {
  const { port, command } = options
  return await startServer('Tempo', options, async (directory) => {
    const env = childEnvironment({
      TEMPO_ADDRESS: '127.0.0.1',
      TEMPO_PORT: String(port),
      TEMPO_OTLP_HTTP_PORT: String(options.otlpHttpPort),
      TEMPO_OTLP_GRPC_PORT: String(options.otlpGrpcPort),
      TEMPO_GRPC_PORT: String(await freePort()),
      TEMPO_DATA_DIR: directory,
      TEMPO_REMOTE_WRITE_URL: options.remoteWriteUrl,
    })
    const args = [`-config.file=${join(TELEMETRY, 'tempo.yaml')}`, '-config.expand-env=true']
    return { command, args, env, isReady: () => answersHttp(`http://127.0.0.1:${port}/ready`) }
  })
}

/** As in compose: only the monitor receives alerts. */
export const alertDefaults = {
  ALERT_RECEIVER: 'monitor',
  ALERT_SLACK_URL: 'http://unset.invalid',
  ALERT_WEBHOOK_URL: 'http://unset.invalid',
  ALERT_WEBHOOK_TOKEN: '',
  ALERT_MAIL_TO: 'nobody@unset.invalid',
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
  return await startServer('Grafana', options, async (directory) => {
    // The program is in bin/ of Grafana's home; on the PATH there may be a link to it.
    const home = dirname(dirname(realpathSync(command)))
    const own = childEnvironment({
      ...(parseEnv(await readFile(join(GRAFANA, 'grafana.env'), 'utf8')) as Record<string, string>),
      DASHBOARDS: join(GRAFANA, 'dashboards'),
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: join(GRAFANA, 'dashboards', 'pipeline.json'),
      GF_PATHS_PROVISIONING: join(GRAFANA, 'provisioning'),
      GF_PATHS_DATA: directory,
      GF_PATHS_LOGS: join(directory, 'log'),
      GF_PATHS_PLUGINS: join(directory, 'plugins'),
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(port),
      POSTGRES_SSLMODE: 'disable',
      ...options.env,
    })
    const isReady = () => answersHttp(`http://127.0.0.1:${port}/api/health`)
    const args = ['server', `-homepath=${home}`]
    return { command, args, env: { ...alertDefaults, ...own }, isReady, readyTimeoutMs: 120_000 }
  })
}
