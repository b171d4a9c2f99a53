import { createRequire } from 'node:module'
import type { KafkaConfig, OauthbearerProviderResponse, SASLOptions } from 'kafkajs'
import { certificateFault, isPair, tlsOptions, withoutAdvice } from '../telemetry/certificate.ts'

const require = createRequire(import.meta.url)

/** The variables that encryption and login depend on; files are PEM. */
export interface KafkaSecurity {
  /** host:port each. */
  readonly BOOTSTRAP_SERVERS: readonly string[]
  readonly EVENTHUB_CONNECTIONSTRING?: string | undefined
  readonly KAFKA_SECURITY_PROTOCOL?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL' | undefined
  readonly KAFKA_SASL_MECHANISM?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER' | undefined
  /** The client id, for OAUTHBEARER. */
  readonly KAFKA_SASL_USERNAME?: string | undefined
  /** The client secret, for OAUTHBEARER. */
  readonly KAFKA_SASL_PASSWORD?: string | undefined
  readonly KAFKA_OAUTH_TOKEN_URL?: string | undefined
  readonly KAFKA_OAUTH_SCOPE?: string | undefined
  readonly KAFKA_SSL_CA_FILE?: string | undefined
  readonly KAFKA_SSL_CERT_FILE?: string | undefined
  readonly KAFKA_SSL_KEY_FILE?: string | undefined
}

/** Azure Event Hubs speaks Kafka's protocol with limits of its own. */
export function isEventHubs(brokers: readonly string[]): boolean {
  return brokers.some((broker) => broker.includes('.servicebus.windows.net'))
}

/** How a client encrypts and logs in. Certificate and host name of a broker are always verified. */
export function securityOf(config: KafkaSecurity): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  if (isEventHubs(config.BOOTSTRAP_SERVERS)) {
    const password = config.EVENTHUB_CONNECTIONSTRING ?? ''
    return { ssl: true, sasl: { mechanism: 'plain', username: '$ConnectionString', password } }
  }
  const { KAFKA_SSL_CA_FILE: ca, KAFKA_SSL_CERT_FILE: cert, KAFKA_SSL_KEY_FILE: key } = config
  const protocol = config.KAFKA_SECURITY_PROTOCOL ?? 'PLAINTEXT'
  return {
    ...(protocol.endsWith('SSL') ? { ssl: tlsOptions(true, { ca, cert, key }) } : {}),
    ...(protocol.startsWith('SASL') ? { sasl: saslOptions(config) } : {}),
  }
}

/**
 * Contradictions between variables that are valid one by one: each with the name of one that has to change, and what was
 * expected of it.
 */
export function securityDisagreements(given: Readonly<Record<string, string | undefined>>): [string, string][] {
  const find = (form: RegExp) => Object.keys(given).find((name) => form.test(name))
  const isSet = (name: string) => given[name] !== undefined
  if (isEventHubs([given['BOOTSTRAP_SERVERS'] ?? ''])) {
    const other = find(/^KAFKA_(SECURITY|SASL|OAUTH|SSL)_/)
    if (other !== undefined) return [[other, 'expected nothing: the login of Event Hubs is EVENTHUB_CONNECTIONSTRING']]
    if (isSet('EVENTHUB_CONNECTIONSTRING')) return []
    return [['EVENTHUB_CONNECTIONSTRING', 'expected the connection string of the Event Hubs namespace']]
  }
  const wrong: [string, string][] = []
  const protocol = given['KAFKA_SECURITY_PROTOCOL'] ?? ''
  const [login, file] = [find(/^KAFKA_(SASL|OAUTH)_/), find(/^KAFKA_SSL_/)]
  if (protocol.startsWith('SASL')) {
    const needed = ['SASL_MECHANISM', 'SASL_USERNAME', 'SASL_PASSWORD']
    if (given['KAFKA_SASL_MECHANISM'] === 'OAUTHBEARER') needed.push('OAUTH_TOKEN_URL')
    const missing = needed.map((name) => `KAFKA_${name}`).filter((name) => !isSet(name))
    for (const name of missing) wrong.push([name, `expected a value, for KAFKA_SECURITY_PROTOCOL is ${protocol}`])
  } else if (login !== undefined) {
    wrong.push(['KAFKA_SECURITY_PROTOCOL', `expected SASL_SSL or SASL_PLAINTEXT, for ${login} is set`])
  }
  if (file !== undefined && !protocol.endsWith('SSL')) {
    wrong.push(['KAFKA_SECURITY_PROTOCOL', `expected SSL or SASL_SSL, for ${file} is set`])
  }
  const { KAFKA_SSL_CERT_FILE: certificate, KAFKA_SSL_KEY_FILE: key } = given
  if (certificate !== undefined && key !== undefined && isPair(certificate, key)) return wrong
  if (certificate !== undefined) wrong.push(['KAFKA_SSL_KEY_FILE', 'expected the private key of KAFKA_SSL_CERT_FILE'])
  else if (key !== undefined) wrong.push(['KAFKA_SSL_CERT_FILE', 'expected the certificate of KAFKA_SSL_KEY_FILE'])
  return wrong
}

function saslOptions(config: KafkaSecurity): SASLOptions {
  const { KAFKA_SASL_MECHANISM: mechanism = 'PLAIN', KAFKA_OAUTH_TOKEN_URL: url = '', KAFKA_OAUTH_SCOPE: scope } = config
  const { KAFKA_SASL_USERNAME: username = '', KAFKA_SASL_PASSWORD: password = '' } = config
  if (mechanism === 'OAUTHBEARER') {
    return { mechanism: 'oauthbearer', oauthBearerProvider: tokenProvider({ url, username, password, scope }) }
  }
  return { mechanism: mechanism.toLowerCase() as Lowercase<typeof mechanism>, username, password }
}

/** Milliseconds before its expiry at which a token is replaced, and until which the token server has to answer. */
const TOKEN_MARGIN = 30_000
const TOKEN_TIMEOUT = 10_000

/** The answer of kafkajs's provider, and when it is to be replaced. */
type Token = OauthbearerProviderResponse & { readonly replaceAt: number }
type TokenOptions = Readonly<Record<'url' | 'username' | 'password', string>> & { readonly scope: string | undefined }

/** Gets tokens by the client credentials grant of OAuth 2 (RFC 6749, section 4.4). Connections share one until it expires. */
export function tokenProvider(options: TokenOptions): () => Promise<OauthbearerProviderResponse> {
  let current: Promise<Token> | undefined
  return async () => {
    const token = await current
    if (token !== undefined && Date.now() < token.replaceAt) return token
    current = fetchToken(options)
    current.catch(() => (current = undefined))
    return await current
  }
}

/** How the message of each error about tokens begins. */
const tokenServer = 'The token server'

/** The two error classes of kafkajs that say whether trying again helps. */
type TokenErrors = Record<'KafkaJSConnectionError' | 'KafkaJSSASLAuthenticationError', new (message: string) => Error>

/** @throws an error of kafkajs: one that it tries again when the server is away, and a final one when it refuses */
async function fetchToken({ url, username, password, scope }: TokenOptions): Promise<Token> {
  const { KafkaJSConnectionError, KafkaJSSASLAuthenticationError } = require('kafkajs/src/errors') as TokenErrors
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
  const answer = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>
  const { access_token: value, expires_in: seconds = 0 } = answer
  if (!response.ok || typeof value !== 'string') {
    throw new KafkaJSSASLAuthenticationError(`${tokenServer} gives no token and answers ${response.status}`)
  }
  return { value, replaceAt: begun + Math.max(0, Number(seconds) * 1000 - TOKEN_MARGIN) }
}

/** The properties of kafkajs's errors. */
interface KafkaError extends Error {
  readonly code?: unknown
  /** The name of the broker's error code. */
  readonly type?: unknown
}

/**
 * Why a broker refuses this client, or this client the broker, and the setting that must change: the rest of a sentence that
 * begins with the broker. Undefined for any other error, such as a broker that is away.
 */
export function kafkaRefusal(error: Error): string | undefined {
  const { name, message, code, type, cause } = error as KafkaError
  if (name === 'KafkaJSNumberOfRetriesExceeded' && cause instanceof Error) return kafkaRefusal(cause)
  if (!name.startsWith('KafkaJS')) return undefined
  const reason = withoutAdvice(message.replace(/^Connection error: |^SASL [\w ]+ failed: /, ''))
  if (name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED') {
    if (reason.startsWith(tokenServer) || message.includes('OAUTHBEARER'))
      return `${login} (${reason}): set ${oauthSettings}`
    return `${login} (${reason}): set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or EVENTHUB_CONNECTIONSTRING for Event Hubs`
  }
  if (type === 'UNSUPPORTED_SASL_MECHANISM') return 'does not have this SASL mechanism: set KAFKA_SASL_MECHANISM'
  if (type === 'ILLEGAL_SASL_STATE') return 'expects no login here: set KAFKA_SECURITY_PROTOCOL'
  if (String(type).endsWith('_AUTHORIZATION_FAILED')) {
    return `does not allow this to the user of KAFKA_SASL_USERNAME or KAFKA_SSL_CERT_FILE (${String(type)}): give it the right`
  }
  return tlsRefusal(String(code), reason)
}

const login = 'refuses the login'
const oauthSettings =
  'KAFKA_OAUTH_TOKEN_URL, KAFKA_OAUTH_SCOPE, and client id and secret in KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'

function tlsRefusal(code: string, reason: string): string | undefined {
  const fault = certificateFault(code)
  if (fault === 'authority') return `has a certificate of an unknown authority (${reason}): set KAFKA_SSL_CA_FILE`
  if (fault === 'name') {
    return `has a certificate for other host names (${reason}): use one of them in BOOTSTRAP_SERVERS, or in the broker's advertised.listeners`
  }
  if (fault === 'dates') return `has a certificate that is not valid now (${reason}): renew it on the broker`
  if (/ALERT_\w*CERTIFICATE|ALERT_UNKNOWN_CA/.test(code)) {
    return 'refuses the certificate of this client: set KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE'
  }
  return undefined
}
