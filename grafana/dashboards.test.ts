import { expect, test } from 'vitest'
import { afterwards } from '../cli/scenario/judge.ts'
import { scenarios } from '../cli/scenario/scenarios.ts'
import { pipeline } from '../stages/index.ts'
import { readCompose } from '../test/compose/compose-file.ts'
import { alertingText, readRules } from '../test/grafana/alert-rules.ts'
import { dashboards, linksOf, queriesTo, type Panel } from '../test/grafana/dashboards.ts'
import { interpolatePromql, interpolateSql } from '../test/grafana/interpolate.ts'

const panels = dashboards.flatMap(({ uid, panels: own }) => own.map((panel) => ({ ...panel, of: `${uid}/${panel.title}` })))

/** The names of the failing items; tests expect none. */
const named = (wrong: readonly { readonly of: string }[]) => wrong.map(({ of }) => of)

test('there are three dashboards with unique uids and unique panel ids', () => {
  expect(dashboards.map(({ uid }) => uid).toSorted()).toEqual(['message', 'pipeline', 'stage'])
  for (const { panels: own } of dashboards) {
    const ids = own.map(({ id }) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  }
})

test('each panel has a unique title and a description of one sentence', () => {
  expect(new Set(named(panels)).size).toBe(panels.length)
  const isSentence = ({ description }: Panel) => /^[A-Z0-9].{18,}\.$/.test(description) && !/[.!?] [A-Z]/.test(description)
  expect(named(panels.filter((panel) => !isSentence(panel)))).toEqual([])
})

test('a panel that may be empty has a text for that', () => {
  const mayBeEmpty = panels.filter(({ type }) => type === 'table' || type === 'barchart' || type === 'heatmap')
  expect(named(mayBeEmpty.filter(({ fieldConfig }) => !fieldConfig.defaults.noValue))).toEqual([])
})

test('panels do not overlap and fit into the width', () => {
  for (const { panels: own } of dashboards) {
    const cells = own.flatMap(({ gridPos }) => cellsOf(gridPos))
    expect(new Set(cells).size).toBe(cells.length)
    expect(own.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
  }
})

function cellsOf({ x, y, w, h }: Panel['gridPos']): string[] {
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
}

test('every SQL query is bounded: by a message, the current state or the time range', () => {
  const isBounded =
    /\$__time(Filter|From)|message_asked_for|to_message_id|stage_now|stage_ledger|stage_totals|flow_nodes|flow_edges|alerts_firing|limit 1$/
  const queries = dashboards.flatMap((dashboard) => queriesTo('postgres', dashboard))
  expect(queries.length).toBeGreaterThan(15)
  expect(named(queries.filter(({ text }) => !isBounded.test(text)))).toEqual([])
})

test('every variable and macro of a query or a link exists', () => {
  const range = { from: new Date(0), to: new Date(1) }
  const ofGrafana = ['__value', '__data', '__field', '__url_time_range']
  for (const dashboard of dashboards) {
    const values = Object.fromEntries(dashboard.templating.list.map(({ name }) => [name, 'x']))
    for (const { text } of queriesTo('postgres', dashboard)) {
      expect(interpolateSql(text, range, values)).not.toContain('$')
    }
    for (const source of ['prometheus', 'tempo']) {
      for (const { text } of queriesTo(source, dashboard)) expect(interpolatePromql(text, values)).not.toContain('$')
    }
    for (const [, name] of linksOf(dashboard)
      .join(' ')
      .matchAll(/\$\{(\w+)/g)) {
      expect([...Object.keys(values), ...ofGrafana]).toContain(name)
    }
  }
})

test('a link to a message has its time range', () => {
  const links = dashboards.flatMap(linksOf).filter((link) => link.includes('var-message='))
  expect(links.length).toBeGreaterThan(3)
  expect(links.filter((link) => !/&from=\$\{[^}]+\}&to=\$\{[^}]+\}$/.test(link))).toEqual([])
})

test('an external link begins with a variable that has the port of docker-compose.yml', () => {
  const { services } = readCompose()
  const portOf = (name: string) => /:-(\d+)\}:/.exec(services[name]?.ports?.[0] ?? '')?.[1]
  const cluster = services['kafka-ui']?.environment?.['KAFKA_CLUSTERS_0_NAME']
  for (const dashboard of dashboards) {
    const places = dashboard.templating.list.filter(({ type }) => type === 'constant')
    expect(Object.fromEntries(places.map(({ name, query }) => [name, query]))).toEqual({
      kafka_ui: `http://localhost:${portOf('kafka-ui')}/ui/clusters/${cluster}`,
      pgweb: `http://localhost:${portOf('pgweb')}`,
    })
    const isOurs = (link: string) => /^(\/d\/|\$\{(kafka_ui|pgweb|__data\.fields\.url)\})/.test(link)
    expect(linksOf(dashboard).filter((link) => !isOurs(link))).toEqual([])
  }
})

test('no dashboard or rule names a stage', () => {
  const texts = [...dashboards.map(({ text }) => text), alertingText('rules.yaml')]
  const names = pipeline.map(({ name }) => name).join('|')
  for (const text of texts) expect(text).not.toMatch(new RegExp(`["'=](${names})\\b`))
})

test('the panels for the four questions are within the first 38 rows', () => {
  const answers: Readonly<Record<string, readonly number[]>> = {
    pipeline: [1, 4, 5, 8, 9, 10, 11, 12, 13, 14],
    message: [1, 2, 3, 4],
  }
  for (const { uid, panels: own } of dashboards) {
    const there = own.filter(({ id }) => answers[uid]?.includes(id))
    expect(there).toHaveLength(answers[uid]?.length ?? 0)
    expect(there.filter(({ gridPos: { y, h } }) => y + h > 38).map(({ title }) => title)).toEqual([])
  }
})

test('a link to a dashboard names an existing one and its variables', () => {
  const links = dashboards.flatMap(linksOf).filter((link) => link.startsWith('/'))
  expect(links.length).toBeGreaterThan(15)
  for (const link of links) {
    const { pathname, searchParams } = new URL(link.replaceAll(/\$\{[^}]*\}/g, 'x'), 'http://grafana')
    const target = dashboards.find(({ uid }) => pathname === `/d/${uid}/${uid}`)
    expect({ link, dashboard: target?.uid }).toEqual({ link, dashboard: expect.any(String) })
    const settable = target?.templating.list.filter(({ skipUrlSync }) => skipUrlSync !== true) ?? []
    const variables = settable.map(({ name }) => `var-${name}`)
    // Grafana's variable for the time range has been replaced by "x".
    const known = new Set([...variables, 'from', 'to', 'x'])
    expect([...searchParams.keys()].filter((name) => !known.has(name))).toEqual([])
  }
})

test('links from the message dashboard do not keep its short time range', () => {
  const ofMessage = dashboards.find(({ uid }) => uid === 'message')?.links ?? []
  expect(ofMessage.map(({ title }) => title)).toEqual(expect.arrayContaining(['Pipeline', 'Stage']))
  expect(ofMessage.filter(({ keepTime }) => keepTime)).toEqual([])
})

test('an override with a fixed name matches a series', () => {
  for (const { targets, fieldConfig } of panels) {
    const legends = targets.map(({ legendFormat }) => legendFormat)
    // Names from labels and columns are checked with real data in test/dashboards.test.ts.
    if (legends.some((legend) => legend === undefined || legend.includes('{{'))) continue
    const given = fieldConfig.overrides.map(({ matcher }) => matcher.options)
    expect(given.filter((name) => !legends.includes(name))).toEqual([])
  }
})

test('Pipeline and Stage show scenarios as regions, with the columns that Grafana looks for', () => {
  for (const uid of ['pipeline', 'stage']) {
    const { annotations } = dashboards.find((each) => each.uid === uid) ?? { annotations: { list: [] } }
    const query = annotations.list.find(({ name }) => name === 'Scenarios')
    expect(query?.datasource.uid).toBe('postgres')
    expect(query?.target?.rawSql).toMatch(
      /^select time, timeend, text, tags from scenario_regions where \$__timeFilter\(time\)/,
    )
  }
})

test('every panel that a scenario names exists', () => {
  const panelsNamed = scenarios.flatMap(({ expects }) =>
    [...expects, ...afterwards].flatMap(({ panel }) => (panel ? [panel] : [])),
  )
  expect(panelsNamed.length).toBeGreaterThan(10)
  for (const [uid, title] of panelsNamed) {
    expect(dashboards.find((each) => each.uid === uid)?.panels.map((panel) => panel.title)).toContain(title)
  }
})

test('every alert that a scenario names is a rule', () => {
  const titles = readRules().map(({ title }) => title)
  const alerts = scenarios.flatMap(({ expects }) => expects.filter(({ isAlert }) => isAlert).map(({ text }) => text))
  expect(alerts.length).toBeGreaterThan(2)
  for (const text of alerts) expect(titles).toContain(/"(.+)"/.exec(text)?.[1])
})

test('every rule belongs to an existing panel', () => {
  const rules = readRules()
  expect(rules.length).toBeGreaterThan(5)
  for (const { title, dashboardUid, panelId } of rules) {
    const own = dashboards.find(({ uid }) => uid === dashboardUid)?.panels.find(({ id }) => id === panelId)
    expect({ title, panel: own?.title }).toEqual({ title, panel: expect.any(String) })
  }
})
