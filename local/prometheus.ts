import { copyFile, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { childEnvironment } from '../pipeline/config.ts'
import { type Child, startChild } from './child-process.ts'
import { requireDiskSpace } from './disk-space.ts'
import { requireFreePort } from './free-port.ts'
import { type LocalServer, type ServerOptions, localServer } from './local-server.ts'
import { untilReady } from './until-ready.ts'

export interface PrometheusOptions extends ServerOptions {
  /** The program, as `findProgram` gives it. */
  readonly command: string
}

/** The very file that compose mounts. */
const SETTINGS = join(import.meta.dirname, '..', 'telemetry', 'prometheus.yml')

/** Where files that name processes to scrape are looked for: [{"targets": ["localhost:9464"]}] */
export function targetsOf(dataDir: string): string {
  return join(dataDir, 'targets')
}

/**
 * Starts Prometheus with the flags that compose gives it, and settles when it answers questions.
 * @throws {UserError} when the port is taken or the disk is full
 */
export async function startPrometheus(options: PrometheusOptions): Promise<LocalServer> {
  const { port, changePortWith, dataDir } = options
  await requireFreePort(port, 'Prometheus', changePortWith)
  await mkdir(targetsOf(dataDir), { recursive: true })
  await requireDiskSpace(dataDir)
  // Files with targets are looked for beside the settings.
  await copyFile(SETTINGS, join(dataDir, 'prometheus.yml'))
  return await localServer({
    port,
    launch: () => launch(options),
    kill: (child, signal) => child.kill(signal),
    stop: (child) => child.stop(),
  })
}

async function launch({ port, signal, command, dataDir }: PrometheusOptions): Promise<Child> {
  const cwd = resolve(dataDir)
  const child = await startChild({
    name: 'Prometheus',
    command,
    args: [
      '--config.file=prometheus.yml',
      `--storage.tsdb.path=${join(cwd, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ],
    cwd,
    env: childEnvironment({}),
  })
  await untilReady(child, { isReady: () => answers(port), timeoutMs: 60_000, signal })
  return child
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/-/ready`, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    // Refused or silent: not yet.
    return false
  }
}
