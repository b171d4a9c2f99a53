import { realpathSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { childEnvironment } from '../pipeline/config.ts'
import { type Child, startChild } from './child-process.ts'
import { requireDiskSpace } from './disk-space.ts'
import { requireFreePort } from './free-port.ts'
import { type LocalServer, type ServerOptions, localServer } from './local-server.ts'
import { untilReady } from './until-ready.ts'

export interface GrafanaOptions extends ServerOptions {
  /** The program, as `findProgram` gives it; the rest of Grafana lies around it. */
  readonly command: string
  /** Where its data sources are and where its alerts go: the variables of grafana/provisioning. */
  readonly env: Readonly<Record<string, string>>
}

/** The very directory that compose mounts. */
const OURS = join(import.meta.dirname, '..', 'grafana')

/**
 * Starts Grafana with the project's data sources, dashboards and alerts, and settles when it answers.
 * @throws {UserError} when the port is taken or the disk is full
 */
export async function startGrafana(options: GrafanaOptions): Promise<LocalServer> {
  const { port, changePortWith, dataDir } = options
  await requireFreePort(port, 'Grafana', changePortWith)
  await mkdir(dataDir, { recursive: true })
  await requireDiskSpace(dataDir)
  return await localServer({
    port,
    launch: () => launch(options),
    kill: (child, signal) => child.kill(signal),
    stop: (child) => child.stop(),
  })
}

async function launch({ port, signal, command, dataDir, env }: GrafanaOptions): Promise<Child> {
  const data = resolve(dataDir)
  // It lies in bin/ of what else it needs; on the PATH there may be a link to it.
  const home = dirname(dirname(realpathSync(command)))
  const child = await startChild({
    name: 'Grafana',
    command,
    args: ['server', `-homepath=${home}`],
    cwd: data,
    env: childEnvironment({
      GF_PATHS_PROVISIONING: join(OURS, 'provisioning'),
      GF_PATHS_DATA: data,
      GF_PATHS_LOGS: join(data, 'log'),
      GF_PATHS_PLUGINS: join(data, 'plugins'),
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(port),
      GF_LOG_LEVEL: 'warn',
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: join(OURS, 'dashboards', 'pipeline.json'),
      GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL: '10s',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      GF_PLUGINS_PREINSTALL_AUTO_UPDATE: 'false',
      GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED: 'true',
      GF_PLUGINS_PLUGIN_ADMIN_ENABLED: 'false',
      GF_NEWS_NEWS_FEED_ENABLED: 'false',
      GF_SNAPSHOTS_EXTERNAL_ENABLED: 'false',
      GF_SECURITY_DISABLE_GRAVATAR: 'true',
      // Since 13.0 it packs every answer, and keeps growing by it.
      GF_SERVER_ENABLE_GZIP: 'false',
      DASHBOARDS: join(OURS, 'dashboards'),
      POSTGRES_SSLMODE: 'disable',
      ...env,
    }),
  })
  await untilReady(child, { isReady: () => answers(port), timeoutMs: 120_000, signal })
  return child
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/api/health`, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    // Refused or silent: not yet.
    return false
  }
}
