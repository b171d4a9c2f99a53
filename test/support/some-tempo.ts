import { join } from 'node:path'
import { findProgram } from '../../local/find-program.ts'
import { freePort } from '../../local/free-port.ts'
import { startTempo } from '../../local/tempo.ts'
import { throwAwayDirectory } from '../../local/throw-away-directory.ts'

export interface SomeTempo extends AsyncDisposable {
  /** Where it is asked; undefined where none is installed. */
  readonly port: number | undefined
  /** What whoever exports to it needs. */
  readonly env: Record<string, string>
}

/** A Tempo, where one is installed. */
export async function someTempo(): Promise<SomeTempo> {
  await using starting = new AsyncDisposableStack()
  const command = findProgram('tempo')
  if (command === undefined) return { port: undefined, env: {}, async [Symbol.asyncDispose]() {} }
  const { path } = starting.use(await throwAwayDirectory())
  const [port, otlpHttpPort, otlpGrpcPort] = [await freePort(), await freePort(), await freePort()]
  const options = { command, port, otlpHttpPort, otlpGrpcPort, dataDir: join(path, 'tempo'), say: () => {} }
  // Nobody takes what it measures.
  starting.use(await startTempo({ ...options, remoteWriteUrl: 'http://127.0.0.1:1/' }))
  const running = starting.move()
  return {
    port,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpHttpPort}` },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
