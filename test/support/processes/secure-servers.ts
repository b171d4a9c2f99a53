import { spawnSync } from 'node:child_process'
import { chown, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { runToEnd } from '../../../local/child-process.ts'
import { startKafka, type BrokerSecurity } from '../../../local/kafka.ts'
import { startPostgres, type LocalPostgres } from '../../../local/postgres.ts'
import { readConfig } from '../../../pipeline/config.ts'

const version = spawnSync('openssl', ['version'], { encoding: 'utf8' })

/** OpenSSL 3, which signs with a CA in one command. */
export const hasOpenssl = version.status === 0 && version.stdout.startsWith('OpenSSL 3')

/** PEM files. The servers' certificate is for "localhost" and no address. */
export interface Certificates {
  readonly ca: string
  readonly otherCa: string
  readonly server: string
  readonly serverKey: string
  readonly client: string
  readonly clientKey: string
}

export interface SecureServers extends AsyncDisposable {
  readonly certificates: Certificates
  readonly postgres: LocalPostgres
  /** Addresses of the listeners: SASL_SSL with every mechanism, SSL that requires a client's certificate, SASL_PLAINTEXT. */
  readonly saslSsl: string
  readonly ssl: string
  readonly saslPlaintext: string
  readonly plaintext: string
}

export const login = { user: 'flow', password: 'hunter2%:@/', database: 'flow_results' }

/** A Kafka and a Postgres with TLS and logins. */
export async function startSecureServers(): Promise<SecureServers> {
  await using starting = new AsyncDisposableStack()
  const data = starting.use(await temporaryDirectory())
  const certificates = await makeCertificates(data.path)
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const address = async () => `localhost:${await freePort()}`
  const [saslSsl, ssl, saslPlaintext, port] = [await address(), await address(), await address(), await freePort()]
  const security = await brokerSecurity({ saslSsl, ssl, saslPlaintext }, certificates, data.path)
  starting.use(await startKafka({ port, dataDir: join(data.path, 'kafka'), kafkaHome, say: () => {}, security }))
  const settings = { ssl: 'on', ssl_cert_file: certificates.server, ssl_key_file: certificates.serverKey }
  const postgres = starting.use(
    await startPostgres({ port: await freePort(), dataDir: join(data.path, 'postgres'), ...login, settings }),
  )
  const running = starting.move()
  const dispose = () => running.disposeAsync()
  const plaintext = `127.0.0.1:${port}`
  return { certificates, postgres, saslSsl, ssl, saslPlaintext, plaintext, [Symbol.asyncDispose]: dispose }
}

async function brokerSecurity(
  addresses: Pick<SecureServers, 'saslSsl' | 'ssl' | 'saslPlaintext'>,
  { ca, server, serverKey }: Certificates,
  directory: string,
): Promise<BrokerSecurity> {
  const keystore = join(directory, 'keystore.pem')
  await writeFile(keystore, (await readFile(serverKey, 'utf8')) + (await readFile(server, 'utf8')))
  const { user, password } = login
  const modules = 'org.apache.kafka.common.security'
  const jaas = (name: string) =>
    Object.entries({
      plain: `${modules}.plain.PlainLoginModule required user_${user}="${password}";`,
      'scram-sha-256': `${modules}.scram.ScramLoginModule required;`,
      'scram-sha-512': `${modules}.scram.ScramLoginModule required;`,
      // Accepts tokens that are not signed.
      oauthbearer: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    }).map(([mechanism, module]) => `listener.name.${name}.${mechanism}.sasl.jaas.config=${module}`)
  return {
    listeners: [`LOGIN://${addresses.saslSsl}`, `MUTUAL://${addresses.ssl}`, `UNENCRYPTED://${addresses.saslPlaintext}`],
    properties: [
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL,UNENCRYPTED:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      ...jaas('login'),
      // A client logs in again on the same connection before this time is over; kafkajs does so ten seconds earlier.
      'connections.max.reauth.ms=12000',
      'listener.name.unencrypted.sasl.enabled.mechanisms=PLAIN',
      ...jaas('unencrypted'),
      'ssl.keystore.type=PEM',
      `ssl.keystore.location=${keystore}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${ca}`,
      'listener.name.mutual.ssl.client.auth=required',
    ],
    users: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => `${mechanism}=[name=${user},password="${password}"]`),
  }
}

async function makeCertificates(directory: string): Promise<Certificates> {
  const path = (name: string) => join(directory, `${name}.pem`)
  const make = async (name: string, ...args: string[]) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path(`${name}-key`)]
    const all = ['req', '-x509', '-days', '2', '-subj', `/CN=${name}`, ...key, '-out', path(name), ...args]
    await runToEnd({ name: 'openssl', command: 'openssl', args: all })
  }
  const signed = ['-CA', path('ca'), '-CAkey', path('ca-key'), '-addext', 'basicConstraints=critical,CA:false']
  await make('ca')
  await make('other-ca')
  await make('server', ...signed, '-addext', 'subjectAltName=DNS:localhost')
  await make('client', ...signed)
  // As root, Postgres runs as nobody, and reads only its own key.
  if (process.getuid?.() === 0) await chown(path('server-key'), 65_534, 65_534)
  return {
    ca: path('ca'),
    otherCa: path('other-ca'),
    server: path('server'),
    serverKey: path('server-key'),
    client: path('client'),
    clientKey: path('client-key'),
  }
}
