import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { childEnvironment } from '../pipeline/config.ts'
import { type Child, startChild } from './child-process.ts'
import { requireDiskSpace } from './disk-space.ts'
import { freePort, requireFreePort } from './free-port.ts'
import { type LocalServer, type ServerOptions, localServer } from './local-server.ts'
import { untilReady } from './until-ready.ts'

export interface TempoOptions extends ServerOptions {
  /** The program, as `findProgram` gives it. */
  readonly command: string
  /** The port of 127.0.0.1 that takes spans as OTLP over HTTP. */
  readonly otlpHttpPort: number
  /** The same over gRPC. */
  readonly otlpGrpcPort: number
  /** The Prometheus that gets what is measured of spans: its address for remote writes. */
  readonly remoteWriteUrl: string
}

/** The very file that compose mounts. */
const SETTINGS = join(import.meta.dirname, '..', 'telemetry', 'tempo.yaml')

/**
 * Starts Grafana Tempo 3, which keeps traces, and settles when it takes spans and answers questions.
 * @throws {UserError} when a port is taken or the disk is full
 */
export async function startTempo(options: TempoOptions): Promise<LocalServer> {
  const { port, otlpHttpPort, otlpGrpcPort, changePortWith, dataDir } = options
  for (const each of [port, otlpHttpPort, otlpGrpcPort]) await requireFreePort(each, 'Tempo', changePortWith)
  await mkdir(dataDir, { recursive: true })
  await requireDiskSpace(dataDir)
  return await localServer({
    port,
    launch: () => launch(options),
    kill: (child, signal) => child.kill(signal),
    stop: (child) => child.stop(),
  })
}

async function launch(options: TempoOptions): Promise<Child> {
  const { port, signal, command } = options
  const dataDir = resolve(options.dataDir)
  const child = await startChild({
    name: 'Tempo',
    command,
    args: [`-config.file=${SETTINGS}`, '-config.expand-env=true'],
    cwd: dataDir,
    env: childEnvironment({
      TEMPO_ADDRESS: '127.0.0.1',
      TEMPO_PORT: String(port),
      TEMPO_OTLP_HTTP_PORT: String(options.otlpHttpPort),
      TEMPO_OTLP_GRPC_PORT: String(options.otlpGrpcPort),
      TEMPO_GRPC_PORT: String(await freePort()),
      TEMPO_DATA_DIR: dataDir,
      TEMPO_REMOTE_WRITE_URL: options.remoteWriteUrl,
    }),
  })
  await untilReady(child, { isReady: () => answers(port), timeoutMs: 60_000, signal })
  return child
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    // Refused or silent: not yet.
    return false
  }
}
