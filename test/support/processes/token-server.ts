import { serveLocally } from './local-http-server.ts'

export interface TokenServer extends AsyncDisposable {
  readonly url: string
  /** How many tokens it has given. */
  readonly given: () => number
}

/** Gives tokens by OAuth's client credentials: not signed, and valid for an hour. */
export async function startTokenServer(id: string, secret: string): Promise<TokenServer> {
  const expected = `Basic ${Buffer.from([id, secret].map(encodeURIComponent).join(':')).toString('base64')}`
  let given = 0
  const server = await serveLocally((request, response) => {
    if (request.headers.authorization !== expected) {
      response.writeHead(401).end('{"error":"invalid_client"}')
      return
    }
    given += 1
    const now = Math.round(Date.now() / 1000)
    const parts = [{ alg: 'none' }, { sub: id, iat: now, exp: now + 3600 }]
    const token = `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600 }))
  })
  return {
    url: `${server.origin}/token`,
    given: () => given,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
