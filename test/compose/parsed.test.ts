import { describe, expect, test } from 'vitest'
import { pipeline } from '../../stages/index.ts'
import { hasCompose, parsedServices } from './parsed-compose.ts'
import { azureNeeds } from './compose-file.ts'

describe.skipIf(!hasCompose)('read by Docker Compose itself (skipped where it is not installed)', () => {
  test('nothing has to be set: memory, ports and names come out as they are meant', () => {
    const services = parsedServices()
    expect(Object.keys(services)).toEqual(expect.arrayContaining(pipeline.map(({ name }) => name)))
    const { migrate, ...running } = services
    expect(migrate?.networks).toEqual({ default: null })
    const limits = Object.values(running).map(({ mem_limit }) => Number(mem_limit))
    expect(limits.reduce((sum, limit) => sum + limit)).toBeLessThanOrEqual(2560 * 1024 ** 2)
    const ports = Object.values(services).flatMap((service) => service.ports ?? [])
    expect(new Set(ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']))
    expect(ports.map(({ published }) => published)).toContain('18080')
    expect(services['lcm']?.environment).toMatchObject({
      BOOTSTRAP_SERVERS: 'kafka:9092',
      DB_PASSWORD: 'flow',
    })
    expect(services['lcm']?.networks).toEqual({ default: { aliases: ['throughline'] } })
  })

  test('.env.example as .env changes nothing', () => {
    const bare = parsedServices()
    const copied = parsedServices({ envFile: '.env.example' })
    for (const [name, { environment = {}, ...service }] of Object.entries(bare)) {
      const { environment: inCopied = {}, ...others } = copied[name] ?? { image: '' }
      expect(others).toEqual(service)
      // A variable of the list that is handed on as it is: unset there, its own default here.
      const settled = Object.entries(environment).filter(([, value]) => value !== null)
      expect(inCopied).toMatchObject(Object.fromEntries(settled))
    }
  })

  test('a port and a password are what .env or the environment says', () => {
    const { grafana, kafka, pgweb } = parsedServices({
      env: { GRAFANA_PORT: '3001', KAFKA_PORT: '29092', PGWEB_DB_PASSWORD: 'p@ss:/word' },
    })
    expect(grafana?.ports?.[0]?.published).toBe('3001')
    expect(kafka?.environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain('HOST://localhost:29092')
    expect(pgweb?.environment?.['PGPASSWORD']).toBe('p@ss:/word')
    expect(pgweb?.environment?.['PGWEB_DATABASE_URL']).not.toContain('p@ss')
  })
})

const files = ['docker-compose.yml', 'compose.azure.yml']
const azure = Object.fromEntries(azureNeeds().map((name) => [name, `${name.toLowerCase()}.example`]))

describe.skipIf(!hasCompose)('on Azure, read by Docker Compose itself', () => {
  test('Kafka, Postgres and pgweb are gone, and nothing waits for them or names them', () => {
    const services = parsedServices({ files, env: azure })
    const gone = new Set(['kafka', 'pgweb', 'postgres'])
    expect(Object.keys(services).toSorted()).toEqual(
      Object.keys(parsedServices())
        .filter((name) => !gone.has(name))
        .toSorted(),
    )
    const needed = Object.values(services).flatMap((service) => Object.keys(service.depends_on ?? {}))
    expect(needed.filter((name) => gone.has(name))).toEqual([])
    const values = Object.values(services).flatMap(({ environment = {} }) => Object.values(environment))
    expect(values.filter((value) => /^(kafka|postgres):\d/.test(String(value)))).toEqual([])
  })

  test('every process has the servers and passwords that were given, and encrypts what it says', () => {
    const { migrate, lcm, monitor, grafana } = parsedServices({ files, env: { ...azure, DB_PORT: '6432' } })
    for (const process of [migrate, lcm, monitor]) {
      expect(process?.environment).toMatchObject({
        BOOTSTRAP_SERVERS: 'bootstrap_servers.example',
        EVENTHUB_CONNECTIONSTRING: 'eventhub_connectionstring.example',
        DB_HOST: 'db_host.example',
        DB_PORT: '6432',
        DB_SSLMODE: 'verify-full',
      })
    }
    expect(grafana?.environment).toMatchObject({
      POSTGRES_ADDRESS: 'db_host.example:6432',
      POSTGRES_SSLMODE: 'require',
      GF_SECURITY_ADMIN_PASSWORD: 'grafana_admin_password.example',
    })
  })

  test.each(azureNeeds())('%s is asked for by name, also where .env is .env.example', (name) => {
    const { [name]: _, ...others } = azure
    expect(() => parsedServices({ files, env: others, envFile: '.env.example' })).toThrow(name)
  })
})
