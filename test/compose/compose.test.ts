import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { heapSizes, tidying } from '../../local/lean-node.ts'
import { readConfig } from '../../pipeline/config.ts'
import { pipeline } from '../../stages/index.ts'
import { readCompose, readOurs } from './compose-file.ts'

const text = readOurs('docker-compose.yml')
const { services, volumes } = readCompose()
const all = Object.entries(services)
const longRunning = all.filter(([name]) => name !== 'migrate')
const ours = all.filter(([, { image }]) => image.startsWith('throughline:'))

test('every stage of the catalogue has its service, and every service a stage that is there', () => {
  const stages = ours.filter(([, { command }]) => command?.[0] === 'run')
  expect(stages.map(([name, { command }]) => [name, command])).toEqual(
    pipeline.map(({ name }) => [name, ['run', name]]),
  )
})

test.each(pipeline)('$name takes four lines at most', ({ name }) => {
  const block = new RegExp(String.raw`^  ${name}:\n(?: {4}.*\n)+`, 'm').exec(text)?.[0] ?? ''
  expect(block.trim().split('\n').length).toBeGreaterThan(1)
  expect(block.trim().split('\n').length).toBeLessThanOrEqual(4)
})

test('the other processes of the pipeline are there, too', () => {
  const others = ours.map(([, { command }]) => command).filter((command) => command?.[0] !== 'run')
  expect(others).toEqual([['generator'], ['monitor'], ['tracer'], ['migrate']])
})

test('every image is pinned to an exact version, and ours is the version of the package', () => {
  const tags = all.map(([, { image }]) => image.split(':').at(-1) ?? '')
  expect(tags.filter((tag) => !/^v?\d+\.\d+(\.\d+)?$/.test(tag))).toEqual([])
  expect(new Set(ours.map(([, { image }]) => image))).toEqual(new Set([`throughline:${packageJson.version}`]))
})

test('the image has the Node that the project brings', () => {
  const bases = readOurs('Dockerfile').match(/^FROM \S+/gm)
  const base = `FROM node:${packageJson.devDependencies.node}-bookworm-slim`
  expect(bases).toEqual([base, base])
})

test.each(ours)('%s has the heap that the demo shows and the bench measures', (_, { environment }) => {
  expect(environment?.['NODE_OPTIONS']).toBe(heapSizes.join(' '))
})

test('the image tidies the heap as the demo and the bench do, and compiles under the same flags', () => {
  const dockerfile = readOurs('Dockerfile')
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? []
  expect(JSON.parse(entrypoint)).toEqual(['node', ...tidying, 'cli/throughline.ts'])
  // The directory of the cache has a hash of the flags in its name.
  expect(dockerfile.match(/^RUN node .*(?= -e )/gm)).toEqual([['RUN node', ...tidying].join(' ')])
})

test.each(longRunning)('%s comes back after a crash, says how it is, and has few rights', (_, service) => {
  expect(service.restart).toBe('unless-stopped')
  expect(service.healthcheck).toMatchObject({ test: expect.any(Array), interval: expect.any(String) })
  expect(service.cap_drop).toEqual(['ALL'])
  expect(service.security_opt).toEqual(['no-new-privileges:true'])
  expect(service.init).toBe(true)
  expect(service.container_name).toBeUndefined()
})

test.each(ours)('%s cannot write to its files, and is not asked for elsewhere', (_, service) => {
  expect(service).toMatchObject({ read_only: true, pull_policy: 'never' })
})

test('what runs is limited to 2.5 GB together', () => {
  const limits = longRunning.map(([, service]) => Number(/^(\d+)m$/.exec(service.mem_limit)?.[1]))
  expect(limits.reduce((sum, limit) => sum + limit)).toBeLessThanOrEqual(2560)
})

test('every port is open on this machine only, at a number that can be changed', () => {
  const ports = all.flatMap(([, service]) => service.ports ?? [])
  expect(ports.length).toBeGreaterThan(0)
  expect(ports.filter((port) => !/^127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$/.test(port))).toEqual([])
  expect(new Set(ports.map((port) => /\d{4,5}/.exec(port)?.[0])).size).toBe(ports.length)
})

test('whatever is waited for is healthy, or has done its work', () => {
  for (const [, { depends_on: needed = {} }] of all) {
    for (const [name, { condition }] of Object.entries(needed)) {
      const once = name === 'migrate'
      expect(condition).toBe(once ? 'service_completed_successfully' : 'service_healthy')
    }
  }
})

test('every file and directory that is mounted is there, and every volume is declared and used', () => {
  const mounts = all.flatMap(([, service]) => service.volumes ?? []).map((mount) => mount.split(':'))
  const files = mounts.filter(([source = '']) => source.startsWith('.'))
  const missing = files.filter(([source = '']) => !existsSync(join(import.meta.dirname, '..', '..', source)))
  expect(missing).toEqual([])
  // z: where SELinux rules, a container may read only what carries its label.
  expect(files.filter(([, , mode]) => mode !== 'ro,z')).toEqual([])
  const named = mounts.map(([source = '']) => source).filter((source) => !source.startsWith('.'))
  expect(named.toSorted()).toEqual(Object.keys(volumes).toSorted())
})

test('Prometheus finds every process by one name and port', () => {
  for (const [name, service] of ours) {
    if (name === 'migrate') continue
    expect(service.networks).toEqual({ default: { aliases: ['throughline'] } })
    expect(service.environment).toMatchObject({ METRICS_HOST: '0.0.0.0', METRICS_PORT: 9464 })
  }
  expect(readOurs('telemetry/prometheus.yml')).toMatch(/names: \[throughline\]\n\s+type: A\n\s+port: 9464\n/)
})

test('Grafana has every variable that its provisioning names', () => {
  const files = ['datasources/datasources.yaml', 'dashboards/dashboards.yaml', 'alerting/notifications.yaml']
  const written = files.map((file) => readOurs(`grafana/provisioning/${file}`)).join('\n')
  const named = [...written.replaceAll(/^\s*#.*$/gm, '').matchAll(/(?<!\$)\$\{?([A-Z_]+)/g)]
  expect(named.length).toBeGreaterThan(5)
  const given = Object.keys(services['grafana']?.environment ?? {})
  expect(given).toEqual(expect.arrayContaining(named.map(([, name]) => name)))
})

test('every setting of a process can be changed from outside, or is one that a container decides', () => {
  const doors = ['METRICS_HOST', 'METRICS_PORT']
  const decided = ['BOOTSTRAP_SERVERS', 'DB_HOST', 'DB_PORT', ...doors, 'OTEL_EXPORTER_OTLP_ENDPOINT']
  const ofAzure = ['EVENTHUB_CONNECTIONSTRING', 'DB_SSLMODE']
  const ofOneStage = ['STAGE_NUMBER', 'OPERATION_TYPE', 'INPUT_TOPIC', 'OUTPUT_TOPIC']
  const elsewhere = new Set([...decided, ...ofAzure, ...ofOneStage])
  const isOfExport = (name: string) => /^OTEL_(EXPORTER|TRACES_EXPORTER)/.test(name)
  const settings = Object.keys(readConfig({}))
  const documented = readOurs('.env.example').matchAll(/^#? ?([A-Z_]+)=/gm)
  const known = new Set([...settings, ...documented.map(([, name]) => name)])
  const open = [...known].filter(
    (name = '') => !elsewhere.has(name) && !name.endsWith('_BIN') && !isOfExport(name),
  )
  const given = new Set([
    ...ours.flatMap(([, { environment = {} }]) => Object.keys(environment)),
    ...text.matchAll(/\$\{([A-Z_]+):-/g).map(([, name]) => name),
  ])
  expect(open.filter((name) => name !== 'KAFKA_HOME' && !given.has(name))).toEqual([])
})

test('.env.example names every variable of the compose file, with the same default', () => {
  const used = new Map(
    [...text.matchAll(/\$\{([A-Z_]+):-([^}]*)\}/g)].map(([, name, value]) => [name, value]),
  )
  const documented = new Map(
    [...readOurs('.env.example').matchAll(/^#? ?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  )
  expect(used.size).toBeGreaterThan(10)
  for (const [name, value] of used) expect([name, documented.get(name)]).toEqual([name, value])
})
