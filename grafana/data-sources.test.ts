import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readCompose, readProjectFile } from '../test/compose/compose-file.ts'
import { readRules } from '../test/grafana/alert-rules.ts'
import { dashboards } from '../test/grafana/dashboards.ts'
import { dataSources, provisioningText } from '../test/grafana/data-sources.ts'

test('every query has a provisioned data source of the right type', () => {
  const provisioned = dataSources.map(({ uid, type }) => ({ uid, type }))
  expect(new Set(dataSources.map(({ uid }) => uid)).size).toBe(dataSources.length)
  const used = dashboards.flatMap(({ panels, templating }) => [
    ...panels.flatMap(({ datasource }) => datasource ?? []),
    ...panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource)),
    ...templating.list.flatMap(({ datasource }) => datasource ?? []),
  ])
  const own = { uid: '-- Grafana --', type: 'datasource' }
  for (const { uid, type } of used) expect([...provisioned, own]).toContainEqual({ uid, type })
  const usedByRules = readRules().flatMap(({ data }) => data.map(({ datasourceUid }) => datasourceUid))
  const uids = new Set([...dataSources.map(({ uid }) => uid), '__expr__'])
  expect(usedByRules.filter((uid) => !uids.has(uid))).toEqual([])
})

test('links between data sources have existing targets', () => {
  const links = JSON.stringify(dataSources).matchAll(/"(?:datasourceUid|targetUID)":"([^"]*)"/g)
  const targets = [...links].map(([, uid]) => uid)
  expect(targets.length).toBeGreaterThan(3)
  expect(new Set(targets)).toEqual(new Set(['tempo', 'prometheus', 'postgres']))
})

test('each correlation has a description, without which Grafana does not start', () => {
  const correlations = dataSources.flatMap((source) => source.correlations ?? [])
  expect(correlations.map(({ targetUID }) => targetUID)).toEqual(['tempo', 'postgres'])
  for (const { description } of correlations) expect(description).toMatch(/^[A-Z].+/)
})

test('environment variables are written with `$`, variables of Grafana with `$$`', () => {
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

test('dashboards have no `$$`, because Grafana does not expand their text', () => {
  expect(dashboards.filter(({ text }) => text.includes('$$'))).toEqual([])
})

test('an exemplar links to the message', () => {
  const jsonData = dataSources.find(({ uid }) => uid === 'prometheus')?.jsonData
  expect(jsonData?.['exemplarTraceIdDestinations']).toContainEqual(
    expect.objectContaining({ name: 'trace_id', url: '/d/message/message?var-message=$${__value.raw}' }),
  )
})

test('the dashboards are in the folder of the rules, whose uid is unknown, and cannot be changed in Grafana', () => {
  const { providers } = parse(provisioningText('dashboards/dashboards.yaml')) as { providers: unknown[] }
  expect(providers).toEqual([expect.objectContaining({ folder: 'Throughline', allowUiUpdates: false })])
  expect(providers).not.toEqual([expect.objectContaining({ folderUid: expect.anything() })])
  const lists = dashboards.flatMap(({ panels }) => panels.filter(({ type }) => type === 'alertlist'))
  expect(lists.length).toBeGreaterThan(0)
  expect(lists.filter(({ options }) => 'folder' in options)).toEqual([])
})

test('anonymous users can view and not change', () => {
  expect(parseEnv(readProjectFile('grafana/grafana.env'))).toMatchObject({
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_USERS_ALLOW_SIGN_UP: 'false',
  })
  expect(readCompose().services['grafana']).toMatchObject({ env_file: 'grafana/grafana.env' })
})
