import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { pipelineProcess } from '../../../cli/pipeline-process.ts'
import { readConfig } from '../../../pipeline/config.ts'
import { routeOf } from '../../../pipeline/route.ts'
import { runStageProcess } from '../../../pipeline/stage-process.ts'
import { decimals } from '../../../stages/numbers/readers.ts'
import { Refusal, Transient } from '../../../stages/refusal.ts'
import { defineStage } from '../../../stages/stage.ts'

/**
 * The stage `add` with another work, as a process: `asking-stage.ts URL`. It asks an HTTP server for the sum of the numbers,
 * as many messages at once as the server bears.
 */
const [url = ''] = process.argv.slice(2)

const asking = defineStage({
  name: 'add',
  reads: 'start',
  adds: 'sum',
  needs: { numbers: decimals },
  external: {
    concurrency: 16,
    timeoutMs: 8000,
    instrumentations: () => Promise.resolve([new UndiciInstrumentation()]),
  },
  async compute({ numbers }, { id, attempt, signal }) {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `${id}/${attempt}` }
    const request = fetch(url, { method: 'POST', body: JSON.stringify(numbers), headers, signal })
    const response = await request.catch((cause: unknown) => {
      throw new Transient('The server cannot be reached', { cause })
    })
    if (response.status === 503) throw new Transient('The server is busy')
    if (!response.ok) throw new Refusal('stage-failed', `The server answers ${response.status}.`)
    return (await response.json()) as number
  },
})

const config = readConfig()
const route = { ...routeOf(config, 'add'), stage: asking }
await pipelineProcess(config, { stage: 'add', position: 1, external: asking.external }, (context, stopping) =>
  runStageProcess(context, route, stopping),
)
