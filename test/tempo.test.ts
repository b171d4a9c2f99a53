import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findTempo } from '../local/find-tempo.ts'
import { freePort, requireFreePort } from '../local/free-port.ts'
import { startTempo } from '../local/tempo.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { startProcess } from '../local/pipeline-process.ts'
import { newMessageId } from '../pipeline/message.ts'
import { freshPipeline } from './fresh-pipeline.ts'

const command = findTempo()
const wait = { timeout: 240_000, interval: 100 }

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}
interface TraceAnswer {
  readonly batches?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[]
  }[]
}

/** How many spans of the trace each service has; none while Tempo does not know it. */
async function spansByService(port: number, id: string): Promise<Record<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/traces/${id}`)
  if (answer.status === 404) return {}
  const { batches = [] } = (await answer.json()) as TraceAnswer
  const counts: Record<string, number> = {}
  for (const { resource, scopeSpans } of batches) {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
    counts[service] = (counts[service] ?? 0) + scopeSpans.flatMap(({ spans }) => spans).length
  }
  return counts
}

test.skipIf(command === undefined)(
  'the trace of a message is found by its id, whole (skipped without TEMPO_BIN or `tempo` on the PATH)',
  async () => {
    await using data = await throwAwayDirectory()
    const [port, otlpHttpPort, otlpGrpcPort] = [await freePort(), await freePort(), await freePort()]
    const dataDir = join(data.path, 'a path with spaces')
    const ports = { port, otlpHttpPort, otlpGrpcPort }
    await using tempo = await startTempo({ ...ports, command: command ?? '', dataDir, say: () => {} })
    await using pipeline = await freshPipeline()
    await using stages = new AsyncDisposableStack()
    const env = childEnvironment({
      ...pipeline.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${otlpHttpPort}`,
    })
    const starting = catalogue.map(({ name }) => startProcess({ name, args: ['run', name], env }))
    for (const child of starting) stages.use(await child)
    const id = newMessageId()
    await pipeline.post('start', '{"numbers":[16]}', { 'message-id': id })
    const whole = Object.fromEntries(catalogue.map(({ name }) => [name, 2]))
    await expect.poll(() => spansByService(port, id), wait).toEqual(whole)
    await stages.disposeAsync()
    await tempo.stop()
    for (const each of Object.values(ports)) await requireFreePort(each, 'this test')
  },
)
