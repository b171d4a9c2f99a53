import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface SlackReceiver extends AsyncDisposable {
  readonly url: string
  /** Title and text of each message, in order of arrival. */
  readonly messages: readonly string[]
}

/** Starts a fake incoming webhook of Slack. */
export async function startSlackReceiver(): Promise<SlackReceiver> {
  const messages: string[] = []
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const { attachments } = (await json(request)) as { attachments: readonly { title: string; text: string }[] }
    messages.push(...attachments.map(({ title, text }) => `${title}\n${text}`))
    response.end('ok')
  }
  const server = createServer((request, response) => void receive(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/of/the-test`,
    messages,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
