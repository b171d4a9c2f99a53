import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { heapSizeFlags, gcFlags } from '../../local/throughline-process.ts'
import { readConfig } from '../../pipeline/config.ts'
import { pipeline } from '../../stages/index.ts'
import { readCompose, readProjectFile } from './compose-file.ts'

const text = readProjectFile('docker-compose.yml')
const { services, volumes } = readCompose()
const all = Object.entries(services)
const longRunning = all.filter(([name]) => name !== 'migrate')
const ours = all.filter(([, { image }]) => image.startsWith('throughline:'))

test('every stage has a service, and every stage service has a stage', () => {
  const stages = ours.filter(([, { command }]) => command?.[0] === 'run')
  expect(stages.map(([name, { command }]) => [name, command])).toEqual(pipeline.map(({ name }) => [name, ['run', name]]))
})

test.each(pipeline)('the service of $name has at most four lines', ({ name }) => {
  const block = new RegExp(String.raw`^  ${name}:\n(?: {4}.*\n)+`, 'm').exec(text)?.[0] ?? ''
  expect(block.trim().split('\n').length).toBeGreaterThan(1)
  expect(block.trim().split('\n').length).toBeLessThanOrEqual(4)
})

test('the other processes of the pipeline have services', () => {
  const others = ours.map(([, { command }]) => command).filter((command) => command?.[0] !== 'run')
  expect(others).toEqual([['generator'], ['monitor'], ['tracer'], ['migrate']])
})

test('every image has an exact version, and the image of the pipeline that of the package', () => {
  const tags = all.map(([, { image }]) => image.split(':').at(-1) ?? '')
  expect(tags.filter((tag) => !/^v?\d+\.\d+(\.\d+)?$/.test(tag))).toEqual([])
  expect(new Set(ours.map(([, { image }]) => image))).toEqual(new Set([`throughline:${packageJson.version}`]))
})

test('the image has the Node version of the package', () => {
  const bases = readProjectFile('Dockerfile').match(/^FROM \S+/gm)
  const base = `FROM node:${packageJson.devDependencies.node}-bookworm-slim`
  expect(bases).toEqual([base, base])
})

test.each(ours)('%s has the same heap size flags as in the demo and the benchmarks', (_, { environment }) => {
  expect(environment?.['NODE_OPTIONS']).toBe(heapSizeFlags.join(' '))
})

test('the image has the same garbage collection flags as the demo and the benchmarks, also when it fills the compile cache', () => {
  const dockerfile = readProjectFile('Dockerfile')
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? []
  expect(JSON.parse(entrypoint)).toEqual(['node', ...gcFlags, 'cli/throughline.ts'])
  // The name of the compile cache's directory contains a hash of the flags.
  expect(dockerfile.match(/^RUN node .*(?= -e )/gm)).toEqual([['RUN node', ...gcFlags].join(' ')])
})

test.each(longRunning)('%s restarts after a crash, has a health check, and has minimal privileges', (_, service) => {
  expect(service.restart).toBe('unless-stopped')
  expect(service.healthcheck).toMatchObject({ test: expect.any(Array), interval: expect.any(String) })
  expect(service.cap_drop).toEqual(['ALL'])
  expect(service.security_opt).toEqual(['no-new-privileges:true'])
  expect(service.init).toBe(true)
  expect(service.container_name).toBeUndefined()
})

test.each(ours)('%s has a read-only file system and is never pulled', (_, service) => {
  expect(service).toMatchObject({ read_only: true, pull_policy: 'never' })
})

test('the memory limits with six stages add up to at most 2.7 GB, and comment and README say so', () => {
  const isStage = ({ command }: (typeof services)[string]) => command?.[0] === 'run'
  const limitOf = ([, service]: (typeof all)[number]) => Number(/^(\d+)m$/.exec(service.mem_limit)?.[1])
  const ofStages = new Set(all.filter(([, service]) => isStage(service)).map(limitOf))
  const ofOthers = longRunning.filter(([, service]) => !isStage(service)).map(limitOf)
  const [ofStage = Number.NaN] = ofStages
  const others = ofOthers.reduce((total, limit) => total + limit)
  const gigabytes = ((others + 6 * ofStage) * 1024 ** 2) / 1e9
  expect(ofStages.size).toBe(1)
  expect(gigabytes).toBeLessThanOrEqual(2.7)
  const spoken = `${gigabytes.toFixed(1)} GB`
  const sum = `${others.toLocaleString('en')} MiB and ${ofStage} for each stage, ${spoken} with six stages.`
  expect(text).toContain(`All limits together are ${sum}`)
  expect(readProjectFile('README.md')).toContain(`${spoken} of limits`)
})

test('a stage that is stopped names the command that starts its service', () => {
  expect(new Set(ours.map(([, { environment }]) => environment?.['START_COMMAND']))).toEqual(
    new Set(['docker compose up -d']),
  )
})

test('every port is open on localhost only and has a variable', () => {
  const ports = all.flatMap(([, service]) => service.ports ?? [])
  expect(ports.length).toBeGreaterThan(0)
  expect(ports.filter((port) => !/^127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$/.test(port))).toEqual([])
  expect(new Set(ports.map((port) => /\d{4,5}/.exec(port)?.[0])).size).toBe(ports.length)
})

test('every dependency waits for health, or for migrate to complete', () => {
  for (const [, { depends_on: needed = {} }] of all) {
    for (const [name, { condition }] of Object.entries(needed)) {
      const once = name === 'migrate'
      expect(condition).toBe(once ? 'service_completed_successfully' : 'service_healthy')
    }
  }
})

test('every mounted file exists, and every volume is declared and used', () => {
  const mounts = all.flatMap(([, service]) => service.volumes ?? []).map((mount) => mount.split(':'))
  const files = mounts.filter(([source = '']) => source.startsWith('.'))
  const missing = files.filter(([source = '']) => !existsSync(join(import.meta.dirname, '..', '..', source)))
  expect(missing).toEqual([])
  // z: with SELinux, a container may read only files with its label.
  expect(files.filter(([, , mode]) => mode !== 'ro,z')).toEqual([])
  const named = mounts.map(([source = '']) => source).filter((source) => !source.startsWith('.'))
  expect(named.toSorted()).toEqual(Object.keys(volumes).toSorted())
})

test('Prometheus finds every process by one DNS name and port', () => {
  for (const [name, service] of ours) {
    if (name === 'migrate') continue
    expect(service.networks).toEqual({ default: { aliases: ['throughline'] } })
    expect(service.environment).toMatchObject({ METRICS_HOST: '0.0.0.0', METRICS_PORT: 9464 })
  }
  expect(readProjectFile('telemetry/prometheus.yml')).toMatch(/names: \[throughline\]\n\s+type: A\n\s+port: 9464\n/)
})

test('Grafana has every variable of its provisioning', () => {
  const files = ['datasources/datasources.yaml', 'dashboards/dashboards.yaml', 'alerting/notifications.yaml']
  const written = files.map((file) => readProjectFile(`grafana/provisioning/${file}`)).join('\n')
  const named = [...written.replaceAll(/^\s*#.*$/gm, '').matchAll(/(?<!\$)\$\{?([A-Z_]+)/g)]
  expect(named.length).toBeGreaterThan(5)
  const given = Object.keys(services['grafana']?.environment ?? {})
  expect(given).toEqual(expect.arrayContaining(named.map(([, name]) => name)))
})

test('every setting can be changed by a variable or is fixed by the container', () => {
  const listening = ['METRICS_HOST', 'METRICS_PORT']
  const fixed = ['BOOTSTRAP_SERVERS', 'DB_HOST', 'DB_PORT', ...listening, 'OTEL_EXPORTER_OTLP_ENDPOINT']
  // The Kafka and Postgres of the stack have no TLS; compose.azure.yml sets what those of Azure need.
  const ofOtherServers = /^(EVENTHUB_|KAFKA_(SECURITY|SASL|OAUTH|SSL|RACK)_|DATABASE_URL$|DB_SSL)/
  const perStage = ['STAGE_NUMBER', 'OPERATION_TYPE', 'INPUT_TOPIC', 'OUTPUT_TOPIC']
  const exceptions = new Set([...fixed, ...perStage])
  const isExporterSetting = (name: string) => /^OTEL_(EXPORTER|TRACES_EXPORTER)/.test(name)
  const settings = Object.keys(readConfig({}))
  const documented = readProjectFile('.env.example').matchAll(/^#? ?([A-Z_]+)=/gm)
  const known = new Set([...settings, ...documented.map(([, name]) => name)])
  const changeable = [...known].filter(
    (name = '') =>
      !exceptions.has(name) && !ofOtherServers.test(name) && !name.endsWith('_BIN') && !isExporterSetting(name),
  )
  const given = new Set([
    ...ours.flatMap(([, { environment = {} }]) => Object.keys(environment)),
    ...text.matchAll(/\$\{([A-Z_]+):-/g).map(([, name]) => name),
  ])
  expect(changeable.filter((name) => name !== 'KAFKA_HOME' && !given.has(name))).toEqual([])
})

test('.env.example has every variable of the compose file with the same default', () => {
  const used = new Map([...text.matchAll(/\$\{([A-Z_]+):-([^}]*)\}/g)].map(([, name, value]) => [name, value]))
  const documented = new Map(
    [...readProjectFile('.env.example').matchAll(/^#? ?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  )
  expect(used.size).toBeGreaterThan(10)
  for (const [name, value] of used) expect([name, documented.get(name)]).toEqual([name, value])
})
