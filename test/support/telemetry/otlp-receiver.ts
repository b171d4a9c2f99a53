import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { decodeOtlp, type ReceivedSpan } from './decode-otlp.ts'

export interface OtlpReceiver extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT with the protocol http/protobuf. */
  readonly endpoint: string
  /** All accepted spans, in order of arrival and with repetitions. */
  readonly spans: readonly ReceivedSpan[]
  /** True to read export requests and never respond. */
  isHanging: boolean
  /** The spans of export requests without a response. */
  readonly unanswered: readonly ReceivedSpan[]
  /** The status code for an export request; 200 by default. */
  statusOf: (spans: readonly ReceivedSpan[]) => number
}

/** Starts a fake OTLP backend that keeps the spans in memory. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const unanswered: ReceivedSpan[] = []
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const received = decodeOtlp(await buffer(request))
    if (receiver.isHanging) {
      unanswered.push(...received)
      return
    }
    const status = receiver.statusOf(received)
    if (status === 200) spans.push(...received)
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
  }
  const server = createServer((request, response) => void receive(request, response))
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
