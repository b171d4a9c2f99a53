import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../local/free-port.ts'
import { startGrafana } from '../../local/grafana.ts'
import { throwAwayDirectory } from '../../local/throw-away-directory.ts'
import type { AskedPipeline } from './asked-pipeline.ts'

/** A Grafana that answers. */
export interface AskedGrafana {
  /** What its HTTP API answers, as its first administrator; with a body it is posted. */
  ask(path: string, body?: unknown): Promise<unknown>
  /** The status with which it answers somebody who has not logged in. */
  statusOf(path: string, body?: unknown): Promise<number>
}

export type RunningGrafana = AskedGrafana & AsyncDisposable

/** The Grafana at a port of this machine, whose administrator has the password that it comes with. */
export function grafanaAt(port: number): AskedGrafana {
  return {
    ask: (path, body) => ask(port, path, body),
    statusOf: async (path, body) => (await request(port, path, body)).status,
  }
}

const provisioning = join(import.meta.dirname, '..', '..', 'grafana', 'provisioning')

/**
 * Grafana with the project's own files, beside a pipeline.
 * @param tempo the port of a Tempo, if there is one
 */
export async function runGrafana(
  command: string,
  pipeline: AskedPipeline,
  tempo: number | undefined,
): Promise<RunningGrafana> {
  await using starting = new AsyncDisposableStack()
  const { path } = starting.use(await throwAwayDirectory())
  const { DB_HOST, DB_PORT, DB_NAME } = pipeline.config
  const env = {
    PROMETHEUS_URL: `http://127.0.0.1:${pipeline.prometheus}`,
    TEMPO_URL: `http://127.0.0.1:${tempo ?? 1}`,
    POSTGRES_ADDRESS: `${DB_HOST}:${DB_PORT}`,
    DB_NAME,
    GRAFANA_DB_PASSWORD: pipeline.grafanaPassword,
    ALERTS_URL: `http://127.0.0.1:${pipeline.processes.get('monitor')?.port}/alerts`,
  }
  const options = { command, port: await freePort(), dataDir: join(path, 'data'), say: () => {} }
  let grafana = await startGrafana({ ...options, env })
  if (!(await knowsPostgres(options.port))) {
    await grafana.stop()
    grafana = await startGrafana({ ...options, env: { ...env, ...(await withOldNames(path)) } })
  }
  starting.use(grafana)
  const running = starting.move()
  return { ...grafanaAt(options.port), [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function ask(port: number, path: string, body?: unknown): Promise<unknown> {
  const response = await request(port, path, body, { authorization: `Basic ${btoa('admin:admin')}` })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return await response.json()
}

function request(port: number, path: string, body: unknown, headers = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

/** Grafana before 10 has another name for the plugin that asks Postgres. */
async function knowsPostgres(port: number): Promise<boolean> {
  const plugins = (await ask(port, '/api/plugins?type=datasource')) as { id: string }[]
  return plugins.some(({ id }) => id === 'grafana-postgresql-datasource')
}

/** The same files with the old name. */
async function withOldNames(path: string): Promise<Record<string, string>> {
  const copy = join(path, 'provisioning')
  await cp(provisioning, copy, { recursive: true })
  const file = join(copy, 'datasources', 'datasources.yaml')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('grafana-postgresql-datasource', 'postgres'))
  return { GF_PATHS_PROVISIONING: copy }
}
