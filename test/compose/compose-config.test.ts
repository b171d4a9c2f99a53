import { describe, expect, test } from 'vitest'
import { pipeline } from '../../stages/index.ts'
import { hasCompose, composeConfig } from './compose-config.ts'
import { requiredAzureVariables } from './compose-file.ts'

const [first = ''] = pipeline.map(({ name }) => name)

describe.skipIf(!hasCompose)('with `docker compose config` (skipped without Docker Compose)', () => {
  test('without any variable, memory limits, ports and aliases have their defaults', () => {
    const services = composeConfig()
    expect(Object.keys(services)).toEqual(expect.arrayContaining(pipeline.map(({ name }) => name)))
    const { migrate, ...running } = services
    expect(migrate?.networks).toEqual({ default: null })
    const limits = Object.values(running).map(({ mem_limit }) => Number(mem_limit))
    const moreStages = (pipeline.length - 6) * Number(services[first]?.mem_limit)
    expect(limits.reduce((sum, limit) => sum + limit) - moreStages).toBeLessThanOrEqual(2.7e9)
    const ports = Object.values(services).flatMap((service) => service.ports ?? [])
    expect(new Set(ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']))
    expect(ports.map(({ published }) => published)).toContain('18080')
    expect(services[first]?.environment).toMatchObject({
      BOOTSTRAP_SERVERS: 'kafka:9092',
      DB_PASSWORD: 'flow',
    })
    expect(services[first]?.networks).toEqual({ default: { aliases: ['throughline'] } })
  })

  test('.env.example as .env changes no setting', () => {
    const bare = composeConfig()
    const copied = composeConfig({ envFile: '.env.example' })
    for (const [name, { environment = {}, ...service }] of Object.entries(bare)) {
      const { environment: inCopied = {}, ...others } = copied[name] ?? { image: '' }
      expect(others).toEqual(service)
      // A variable that is passed through is null here and has its default there.
      const settled = Object.entries(environment).filter(([, value]) => value !== null)
      expect(inCopied).toMatchObject(Object.fromEntries(settled))
    }
  })

  test('ports and passwords come from .env or the environment', () => {
    const { grafana, kafka, pgweb } = composeConfig({
      env: { GRAFANA_PORT: '3001', KAFKA_PORT: '29092', PGWEB_DB_PASSWORD: 'p@ss:/word' },
    })
    expect(grafana?.ports?.[0]?.published).toBe('3001')
    expect(kafka?.environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain('HOST://localhost:29092')
    expect(pgweb?.environment?.['PGPASSWORD']).toBe('p@ss:/word')
    expect(pgweb?.environment?.['PGWEB_DATABASE_URL']).not.toContain('p@ss')
  })
})

const files = ['docker-compose.yml', 'compose.azure.yml']
const azure = Object.fromEntries(requiredAzureVariables().map((name) => [name, `${name.toLowerCase()}.example`]))

describe.skipIf(!hasCompose)('on Azure, with `docker compose config`', () => {
  test('Kafka, Postgres and pgweb are removed, and no service depends on them or names them', () => {
    const services = composeConfig({ files, env: azure })
    const gone = new Set(['kafka', 'pgweb', 'postgres'])
    expect(Object.keys(services).toSorted()).toEqual(
      Object.keys(composeConfig())
        .filter((name) => !gone.has(name))
        .toSorted(),
    )
    const needed = Object.values(services).flatMap((service) => Object.keys(service.depends_on ?? {}))
    expect(needed.filter((name) => gone.has(name))).toEqual([])
    const values = Object.values(services).flatMap(({ environment = {} }) => Object.values(environment))
    expect(values.filter((value) => /^(kafka|postgres):\d/.test(String(value)))).toEqual([])
  })

  test('every process has the given servers and passwords and uses TLS', () => {
    const { migrate, [first]: stage, monitor, grafana } = composeConfig({ files, env: { ...azure, DB_PORT: '6432' } })
    for (const process of [migrate, stage, monitor]) {
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

  test.each(requiredAzureVariables())('%s is required by name, also with .env.example as .env', (name) => {
    const { [name]: _, ...others } = azure
    expect(() => composeConfig({ files, env: others, envFile: '.env.example' })).toThrow(name)
  })
})
