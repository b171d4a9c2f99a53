import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { readOtlp, type ReceivedSpan } from './read-otlp.ts'

export interface OtlpReceiver extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT, with the protocol http/protobuf. */
  readonly endpoint: string
  /** Everything that arrived, a span that arrived twice twice. */
  readonly spans: readonly ReceivedSpan[]
  /** Whether it takes exports and never answers. */
  isHanging: boolean
}

/** The end of the line for traces: an OTLP backend that remembers. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    if (receiver.isHanging) return
    spans.push(...readOtlp(await buffer(request)))
    response.setHeader('content-type', 'application/x-protobuf').end()
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const receiver = {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    isHanging: false,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return receiver
}
