import { serveLocally } from '../processes/local-http-server.ts'
import type { OtlpReceiver } from './otlp-receiver.ts'

/** One server that answers `throughline doctor` as a Prometheus, a Tempo and a Grafana that work. */
export interface FakeObservability extends AsyncDisposable {
  readonly url: string
  /** True to answer that no trace is known. */
  losesTraces: boolean
}

/**
 * @param receiver has the spans that Tempo knows
 * @param monitor "127.0.0.1:23456", which is scraped
 */
export async function startFakeObservability(receiver: OtlpReceiver, monitor: string): Promise<FakeObservability> {
  const labels = { job: 'throughline', instance: monitor }
  const answers: Record<string, unknown> = {
    '/ready': 'ready',
    '/api/v1/targets?state=active': { data: { activeTargets: [{ labels, health: 'up', lastError: '' }] } },
    '/api/health': { database: 'ok', version: '13.1.4' },
  }
  const server = await serveLocally(({ url = '' }, response) => {
    const [, id] = /^\/api\/traces\/(.*)$/.exec(url) ?? []
    const isFound = !fake.losesTraces && receiver.spans.some(({ traceId }) => traceId === id)
    const answer = isFound || /^\/api\/datasources\/uid\/\w+\/health$/.test(url) ? {} : answers[url]
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}))
  })
  const fake: FakeObservability = {
    url: server.origin,
    losesTraces: false,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return fake
}
