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
  /** Whether it reads exports and never answers. */
  isHanging: boolean
  /** The spans of exports that were read and not answered. */
  readonly unanswered: readonly ReceivedSpan[]
  /** The status with which it answers an export; by default it takes all. */
  statusOf: (spans: readonly ReceivedSpan[]) => number
}

/** The end of the line for traces: an OTLP backend that remembers. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const unanswered: ReceivedSpan[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const received = readOtlp(await buffer(request))
    if (receiver.isHanging) {
      unanswered.push(...received)
      return
    }
    const status = receiver.statusOf(received)
    if (status === 200) spans.push(...received)
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const receiver: OtlpReceiver = {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    unanswered,
    isHanging: false,
    statusOf: () => 200,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return receiver
}
