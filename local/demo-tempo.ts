import { join } from 'node:path'
import { childEnvironment, exportsTraces } from '../pipeline/config.ts'
import { UserError } from '../pipeline/user-error.ts'
import type { DemoServer, ServersOptions } from './demo-servers.ts'
import { findTempo } from './find-tempo.ts'
import { isFree } from './free-port.ts'
import { startTempo } from './tempo.ts'

/** Tempo's and OpenTelemetry's usual ports, which every guide names. */
const [PORT, OTLP_GRPC_PORT, OTLP_HTTP_PORT] = [3200, 4317, 4318]

/**
 * Checks whether the demo's traces can be kept by a Tempo of its own. Not so when the environment says where they go.
 * @returns what starts it; undefined when there will be none
 * @throws {UserError} when TEMPO_BIN is wrong or a port is taken
 */
export async function plannedTempo(
  options: ServersOptions,
): Promise<(() => Promise<DemoServer>) | undefined> {
  const { config, say } = options
  const otlpPort = config.OTEL_EXPORTER_OTLP_PROTOCOL === 'grpc' ? OTLP_GRPC_PORT : OTLP_HTTP_PORT
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${otlpPort}` }
  const isUnwanted = !exportsTraces(childEnvironment(env))
  if (exportsTraces() || isUnwanted) return undefined
  const command = findTempo()
  if (command === undefined) {
    say('Tempo is not installed (TEMPO_BIN or PATH): no traces are kept.')
    return undefined
  }
  for (const port of [PORT, OTLP_GRPC_PORT, OTLP_HTTP_PORT]) await requireFree(port)
  return () => ownTempo(command, env, options)
}

async function ownTempo(
  command: string,
  env: DemoServer['env'],
  { dataDir, say, signal }: ServersOptions,
): Promise<DemoServer> {
  const process = await startTempo({
    command,
    port: PORT,
    otlpGrpcPort: OTLP_GRPC_PORT,
    otlpHttpPort: OTLP_HTTP_PORT,
    dataDir: join(dataDir, 'tempo'),
    say,
    signal,
  })
  const address = `localhost:${PORT}`
  say(`Tempo is up at ${address}: a message's trace is at http://${address}/api/traces/ID`)
  return { name: 'Tempo', address, env, process }
}

async function requireFree(port: number): Promise<void> {
  if (await isFree(port)) return
  throw new UserError(
    `Port ${port}, meant for Tempo, is taken: stop the program that uses it, or say where traces go instead with ` +
      'OTEL_EXPORTER_OTLP_ENDPOINT (nowhere: `OTEL_TRACES_EXPORTER=none npm run demo`).',
  )
}
