import { createRequire } from 'node:module'
import type { OauthbearerProviderResponse } from 'kafkajs'

const require = createRequire(import.meta.url)

export interface TokenOptions {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly scope: string | undefined
}

/** Milliseconds before its expiry at which a token is replaced, and until which the token server has to answer. */
const TOKEN_MARGIN = 30_000
const TOKEN_TIMEOUT = 10_000

/** Gets tokens by the client credentials grant of OAuth 2 (RFC 6749, section 4.4). Connections share one until it expires. */
export function tokenProvider(options: TokenOptions): () => Promise<OauthbearerProviderResponse> {
  let current: Promise<OauthbearerProviderResponse & { readonly replaceAt: number }> | undefined
  return async () => {
    const token = await current
    if (token !== undefined && Date.now() < token.replaceAt) return token
    current = fetchToken(options)
    current.catch(() => (current = undefined))
    return await current
  }
}

/** How the message of each error about tokens begins. */
export const tokenServer = 'The token server'

/** @throws an error of kafkajs: one that it tries again when the server is away, and a final one when it refuses */
async function fetchToken({ url, username, password, scope }: TokenOptions) {
  const { KafkaJSConnectionError, KafkaJSSASLAuthenticationError } = require('kafkajs/src/errors') as KafkaErrors
  const begun = Date.now()
  const credentials = [username, password].map(encodeURIComponent).join(':')
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}`, accept: 'application/json' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }),
    redirect: 'error',
    signal: AbortSignal.timeout(TOKEN_TIMEOUT),
  }).catch((error: Error) => {
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    throw new KafkaJSConnectionError(`${tokenServer} cannot be reached: ${reason}`)
  })
  if (response.status >= 500) throw new KafkaJSConnectionError(`${tokenServer} answers ${response.status}`)
  // The answer is not shown: it may repeat what was sent.
  const { access_token: value, expires_in: seconds = 0 } = (await response.json().catch(() => ({}))) as TokenAnswer
  if (!response.ok || typeof value !== 'string') {
    throw new KafkaJSSASLAuthenticationError(`${tokenServer} gives no token and answers ${response.status}`)
  }
  return { value, replaceAt: begun + Math.max(0, Number(seconds) * 1000 - TOKEN_MARGIN) }
}

/** The two error classes of kafkajs that say whether trying again helps. */
type KafkaErrors = Record<'KafkaJSConnectionError' | 'KafkaJSSASLAuthenticationError', new (message: string) => Error>

interface TokenAnswer {
  readonly access_token?: unknown
  readonly expires_in?: unknown
}
