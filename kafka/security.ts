import type { KafkaConfig, SASLOptions } from 'kafkajs'
import { certificateFault, isPair, readPem, withoutAdvice } from '../telemetry/certificate.ts'
import { tokenProvider, tokenServer } from './oauth-token.ts'

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
  const protocol = config.KAFKA_SECURITY_PROTOCOL ?? 'PLAINTEXT'
  return {
    ...(protocol.endsWith('SSL') ? { ssl: tlsOptions(config) } : {}),
    ...(protocol.startsWith('SASL') ? { sasl: saslOptions(config) } : {}),
  }
}

/**
 * Contradictions between variables that are valid one by one: each with the name of one that has to change, and what was
 * expected of it.
 */
export function securityDisagreements(given: Readonly<Record<string, string | undefined>>): [string, string][] {
  const isSet = (name: string) => given[name] !== undefined
  const names = Object.keys(given)
  const protocol = given['KAFKA_SECURITY_PROTOCOL'] ?? ''
  if (isEventHubs([given['BOOTSTRAP_SERVERS'] ?? ''])) {
    const other = names.find((name) => /^KAFKA_(SECURITY|SASL|OAUTH|SSL)_/.test(name))
    if (other !== undefined) return [[other, 'expected nothing: the login of Event Hubs is EVENTHUB_CONNECTIONSTRING']]
    if (isSet('EVENTHUB_CONNECTIONSTRING')) return []
    return [['EVENTHUB_CONNECTIONSTRING', 'expected the connection string of the Event Hubs namespace']]
  }
  const wrong: [string, string][] = []
  const isOAuth = given['KAFKA_SASL_MECHANISM'] === 'OAUTHBEARER'
  const login = names.find((name) => /^KAFKA_(SASL|OAUTH)_/.test(name))
  if (protocol.startsWith('SASL')) {
    const needed = ['MECHANISM', 'USERNAME', 'PASSWORD'].map((name) => `KAFKA_SASL_${name}`)
    if (isOAuth) needed.push('KAFKA_OAUTH_TOKEN_URL')
    for (const name of needed)
      if (!isSet(name)) wrong.push([name, `expected a value, for KAFKA_SECURITY_PROTOCOL is ${protocol}`])
  } else if (login !== undefined) {
    wrong.push(['KAFKA_SECURITY_PROTOCOL', `expected SASL_SSL or SASL_PLAINTEXT, for ${login} is set`])
  }
  const file = names.find((name) => name.startsWith('KAFKA_SSL_'))
  if (file !== undefined && !protocol.endsWith('SSL')) {
    wrong.push(['KAFKA_SECURITY_PROTOCOL', `expected SSL or SASL_SSL, for ${file} is set`])
  }
  const { KAFKA_SSL_CERT_FILE: certificate, KAFKA_SSL_KEY_FILE: key } = given
  if (certificate !== undefined && key !== undefined && isPair(certificate, key)) return wrong
  if (certificate !== undefined) wrong.push(['KAFKA_SSL_KEY_FILE', 'expected the private key of KAFKA_SSL_CERT_FILE'])
  else if (key !== undefined) wrong.push(['KAFKA_SSL_CERT_FILE', 'expected the certificate of KAFKA_SSL_KEY_FILE'])
  return wrong
}

function tlsOptions(config: KafkaSecurity) {
  return {
    rejectUnauthorized: true,
    get ca() {
      return readPem(config.KAFKA_SSL_CA_FILE)
    },
    get cert() {
      return readPem(config.KAFKA_SSL_CERT_FILE)
    },
    get key() {
      return readPem(config.KAFKA_SSL_KEY_FILE)
    },
  }
}

function saslOptions(config: KafkaSecurity): SASLOptions {
  const { KAFKA_SASL_USERNAME: username = '', KAFKA_SASL_PASSWORD: password = '' } = config
  switch (config.KAFKA_SASL_MECHANISM) {
    case 'SCRAM-SHA-256':
      return { mechanism: 'scram-sha-256', username, password }
    case 'SCRAM-SHA-512':
      return { mechanism: 'scram-sha-512', username, password }
    case 'OAUTHBEARER': {
      const { KAFKA_OAUTH_TOKEN_URL: url = '', KAFKA_OAUTH_SCOPE: scope } = config
      return { mechanism: 'oauthbearer', oauthBearerProvider: tokenProvider({ url, username, password, scope }) }
    }
    default:
      return { mechanism: 'plain', username, password }
  }
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
