import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { serveLocally } from '../processes/local-http-server.ts'

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
  const server = await serveLocally((request, response) => void receive(request, response))
  return {
    url: `${server.origin}/services/of/the-test`,
    messages,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
