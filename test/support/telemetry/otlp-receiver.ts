import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { serveLocally } from '../processes/local-http-server.ts'
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
  const server = await serveLocally((request, response) => void receive(request, response))
  const receiver: OtlpReceiver = {
    endpoint: server.origin,
    spans,
    unanswered,
    isHanging: false,
    statusOf: () => 200,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return receiver
}
