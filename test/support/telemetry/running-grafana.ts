import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { startGrafana } from '../../../local/observability-servers.ts'
import type { MonitoredPipeline } from './monitored-pipeline.ts'

/** A client of Grafana's HTTP API. */
export interface GrafanaClient {
  /** Sends a request as administrator, POST with a body, and returns the JSON. @throws {Error} for an error status */
  request(path: string, body?: unknown): Promise<unknown>
  /** The status of a request without login. */
  anonymousStatus(path: string, body?: unknown): Promise<number>
}

export interface RunningGrafana extends GrafanaClient, AsyncDisposable {
  /** "http://127.0.0.1:23456" */
  readonly url: string
  /** Its log, of warnings and errors. */
  log(): Promise<string>
}

/** A client of the Grafana at a port of this machine, with the default password. */
export function grafanaAt(port: number): GrafanaClient {
  return {
    request: (path, body) => requestJson(port, path, body),
    anonymousStatus: async (path, body) => (await send(port, path, body)).status,
  }
}

export interface GrafanaSettings {
  /** The port of a Tempo, if it is installed. */
  readonly tempo?: number | undefined
  /** More variables of Grafana's environment. */
  readonly env?: Readonly<Record<string, string>>
}

const provisioning = join(import.meta.dirname, '..', '..', '..', 'grafana', 'provisioning')

/**
 * Starts Grafana with the provisioning of grafana/ for a running pipeline.
 */
export async function runGrafana(
  command: string,
  pipeline: MonitoredPipeline,
  { tempo, env: more = {} }: GrafanaSettings = {},
): Promise<RunningGrafana> {
  await using starting = new AsyncDisposableStack()
  const { path } = starting.use(await temporaryDirectory())
  const { DB_HOST, DB_PORT, DB_NAME } = pipeline.config
  const env = {
    PROMETHEUS_URL: `http://127.0.0.1:${pipeline.prometheus}`,
    TEMPO_URL: `http://127.0.0.1:${tempo ?? 1}`,
    POSTGRES_ADDRESS: `${DB_HOST}:${DB_PORT}`,
    DB_NAME,
    GRAFANA_DB_PASSWORD: pipeline.grafanaPassword,
    ALERTS_URL: `http://127.0.0.1:${pipeline.processes.get('monitor')?.port}/alerts`,
    ...more,
  }
  const options = { command, port: await freePort(), dataDir: join(path, 'data') }
  let grafana = await startGrafana({ ...options, env })
  if (!(await knowsPostgres(options.port))) {
    await grafana.stop()
    grafana = await startGrafana({ ...options, env: { ...env, ...(await withOldNames(path)) } })
  }
  starting.use(grafana)
  const running = starting.move()
  const log = () => readFile(join(options.dataDir, 'log', 'grafana.log'), 'utf8')
  const url = `http://127.0.0.1:${options.port}`
  return { ...grafanaAt(options.port), url, log, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function requestJson(port: number, path: string, body?: unknown): Promise<unknown> {
  const response = await send(port, path, body, { authorization: `Basic ${btoa('admin:admin')}` })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return await response.json()
}

function send(port: number, path: string, body: unknown, headers = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

/** Grafana before 10 has another name for the Postgres plugin. */
async function knowsPostgres(port: number): Promise<boolean> {
  const plugins = (await requestJson(port, '/api/plugins?type=datasource')) as { id: string }[]
  return plugins.some(({ id }) => id === 'grafana-postgresql-datasource')
}

/** A copy of the provisioning with the old name. */
async function withOldNames(path: string): Promise<Record<string, string>> {
  const copy = join(path, 'provisioning')
  await cp(provisioning, copy, { recursive: true })
  const file = join(copy, 'datasources', 'datasources.yaml')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('grafana-postgresql-datasource', 'postgres'))
  return { GF_PATHS_PROVISIONING: copy }
}
