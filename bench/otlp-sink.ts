import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { countSpans } from './count-spans.ts'

/**
 * The cheapest backend that can be: takes OTLP over HTTP, counts the spans and forgets them. GET says how many there were;
 * the port is the first line it prints.
 */
let received = 0

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') response.end(JSON.stringify({ received }))
  else {
    const bytes = await buffer(request)
    // Not in one expression: it would take the count from before the wait, and forget who came meanwhile.
    received += countSpans(bytes)
    // An answer without fields takes all of them.
    response.setHeader('content-type', 'application/x-protobuf').end()
  }
}

const server = createServer((request, response) => void take(request, response))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
