import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readCompose, readOurs } from '../test/compose/compose-file.ts'
import { readRules } from '../test/grafana/alert-rules.ts'
import { dashboards } from '../test/grafana/dashboards.ts'
import { dataSources, provisioningText } from '../test/grafana/data-sources.ts'

test('everything that is asked is asked of a data source that is provisioned, by its type', () => {
  const provisioned = dataSources.map(({ uid, type }) => ({ uid, type }))
  expect(new Set(dataSources.map(({ uid }) => uid)).size).toBe(dataSources.length)
  const asked = dashboards.flatMap(({ panels, templating }) => [
    ...panels.flatMap(({ datasource }) => datasource ?? []),
    ...panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource)),
    ...templating.list.flatMap(({ datasource }) => datasource ?? []),
  ])
  const own = { uid: '-- Grafana --', type: 'datasource' }
  for (const { uid, type } of asked) expect([...provisioned, own]).toContainEqual({ uid, type })
  const askedByRules = readRules().flatMap(({ data }) => data.map(({ datasourceUid }) => datasourceUid))
  const uids = new Set([...dataSources.map(({ uid }) => uid), '__expr__'])
  expect(askedByRules.filter((uid) => !uids.has(uid))).toEqual([])
})

test('what leads from one data source to another leads to one that is there', () => {
  const leads = JSON.stringify(dataSources).matchAll(/"(?:datasourceUid|targetUID)":"([^"]*)"/g)
  const targets = [...leads].map(([, uid]) => uid)
  expect(targets.length).toBeGreaterThan(3)
  expect(new Set(targets)).toEqual(new Set(['tempo', 'prometheus', 'postgres']))
})

test('each correlation has a description: without one Grafana ends at its start', () => {
  const correlations = dataSources.flatMap((source) => source.correlations ?? [])
  expect(correlations.map(({ targetUID }) => targetUID)).toEqual(['tempo', 'postgres'])
  for (const { description } of correlations) expect(description).toMatch(/^[A-Z].+/)
})

test('Grafana expands a variable of its environment; its own variables are written with two dollars', () => {
  const environment = [
    'PROMETHEUS_URL',
    'POSTGRES_ADDRESS',
    'POSTGRES_SSLMODE',
    'DB_NAME',
    'GRAFANA_DB_PASSWORD',
    'TEMPO_URL',
    'DASHBOARDS',
  ]
  const files = ['datasources/datasources.yaml', 'dashboards/dashboards.yaml'].map(provisioningText)
  const code = files.join('').replaceAll(/^ *#.*$/gm, '')
  const dollars = [...code.matchAll(/(\$+)\{?(\w+)/g)].map(([, signs, name]) => ({ signs, name }))
  const expanded = dollars.filter(({ signs }) => signs === '$')
  expect(new Set(expanded.map(({ name }) => name))).toEqual(new Set(environment))
  const own = dollars.filter(({ signs }) => signs !== '$')
  expect(own.map(({ signs }) => signs)).toEqual(own.map(() => '$$'))
  expect(own.filter(({ name = '' }) => environment.includes(name))).toEqual([])
})

test('nothing is expanded in a dashboard: what is doubled there would stay doubled', () => {
  expect(dashboards.filter(({ text }) => text.includes('$$'))).toEqual([])
})

test('a point on a chart opens the message', () => {
  const jsonData = dataSources.find(({ uid }) => uid === 'prometheus')?.jsonData
  expect(jsonData?.['exemplarTraceIdDestinations']).toContainEqual(
    expect.objectContaining({ name: 'trace_id', url: '/d/message/message?var-message=$${__value.raw}' }),
  )
})

test('the dashboards are in the folder that the rules name, and whoever changes one changes its file', () => {
  const { providers } = parse(provisioningText('dashboards/dashboards.yaml')) as { providers: unknown[] }
  expect(providers).toEqual([
    expect.objectContaining({ folder: 'Throughline', folderUid: 'throughline', allowUiUpdates: false }),
  ])
})

test('nobody has to log in to look, and nobody may do more, with Docker and without', () => {
  const settings = readCompose().services['grafana']?.environment
  const own = readOurs('local/grafana.ts')
  for (const [name, value] of [
    ['GF_AUTH_ANONYMOUS_ENABLED', 'true'],
    ['GF_AUTH_ANONYMOUS_ORG_ROLE', 'Viewer'],
    ['GF_USERS_ALLOW_SIGN_UP', 'false'],
  ] as const) {
    expect(settings?.[name]).toBe(value)
    expect(own).toContain(`${name}: '${value}'`)
  }
})
