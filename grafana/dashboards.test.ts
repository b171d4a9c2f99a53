import { expect, test } from 'vitest'
import { pipeline } from '../stages/index.ts'
import { readCompose } from '../test/compose/compose-file.ts'
import { alertingText, readRules } from '../test/grafana/alert-rules.ts'
import { dashboards, linksOf, questionsTo, type Panel } from '../test/grafana/dashboards.ts'
import { fillInPromql, fillInSql } from '../test/grafana/fill-in.ts'

const panels = dashboards.flatMap(({ uid, panels: own }) =>
  own.map((panel) => ({ ...panel, of: `${uid}/${panel.title}` })),
)

/** What is wrong is listed by name: an empty list is what every test expects. */
const named = (wrong: readonly { readonly of: string }[]) => wrong.map(({ of }) => of)

test('there are three, and each has a uid and panels with ids of their own', () => {
  expect(dashboards.map(({ uid }) => uid).toSorted()).toEqual(['message', 'pipeline', 'stage'])
  for (const { panels: own } of dashboards) {
    const ids = own.map(({ id }) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  }
})

test('each panel has a title of its own and says in a sentence what it shows', () => {
  expect(new Set(named(panels)).size).toBe(panels.length)
  const isSentence = ({ description }: Panel) =>
    /^[A-Z0-9].{18,}\.$/.test(description) && !/[.!?] [A-Z]/.test(description)
  expect(named(panels.filter((panel) => !isSentence(panel)))).toEqual([])
})

test('what may be empty says why', () => {
  const mayBeEmpty = panels.filter(
    ({ type }) => type === 'table' || type === 'barchart' || type === 'heatmap',
  )
  expect(named(mayBeEmpty.filter(({ fieldConfig }) => !fieldConfig.defaults.noValue))).toEqual([])
})

test('no panel lies on another, and none sticks out', () => {
  for (const { panels: own } of dashboards) {
    const cells = own.flatMap(({ gridPos }) => cellsOf(gridPos))
    expect(new Set(cells).size).toBe(cells.length)
    expect(own.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
  }
})

function cellsOf({ x, y, w, h }: Panel['gridPos']): string[] {
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
}

test('the rows are asked about one message, about now, or about the range of time that is shown', () => {
  const isBounded =
    /\$__time(Filter|From)|message_asked_for|to_message_id|stage_now|stage_ledger|stage_totals|alerts_firing|limit 1$/
  const questions = dashboards.flatMap((dashboard) => questionsTo('postgres', dashboard))
  expect(questions.length).toBeGreaterThan(15)
  expect(named(questions.filter(({ text }) => !isBounded.test(text)))).toEqual([])
})

test('every variable and macro that a question or a link uses exists', () => {
  const range = { from: new Date(0), to: new Date(1) }
  const ofGrafana = ['__value', '__data', '__field', '__url_time_range']
  for (const dashboard of dashboards) {
    const values = Object.fromEntries(dashboard.templating.list.map(({ name }) => [name, 'x']))
    for (const { text } of questionsTo('postgres', dashboard)) {
      expect(fillInSql(text, range, values)).not.toContain('$')
    }
    for (const source of ['prometheus', 'tempo']) {
      for (const { text } of questionsTo(source, dashboard))
        expect(fillInPromql(text, values)).not.toContain('$')
    }
    for (const [, name] of linksOf(dashboard)
      .join(' ')
      .matchAll(/\$\{(\w+)/g)) {
      expect([...Object.keys(values), ...ofGrafana]).toContain(name)
    }
  }
})

test('a link to a message brings its time along', () => {
  const links = dashboards.flatMap(linksOf).filter((link) => link.includes('var-message='))
  expect(links.length).toBeGreaterThan(3)
  expect(links.filter((link) => !/&from=\$\{[^}]+\}&to=\$\{[^}]+\}$/.test(link))).toEqual([])
})

test('a link elsewhere begins with a variable, which says where compose has that door', () => {
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

test('no stage is named: which there are, rows and metrics say', () => {
  const texts = [...dashboards.map(({ text }) => text), alertingText('rules.yaml')]
  const names = pipeline.map(({ name }) => name).join('|')
  for (const text of texts) expect(text).not.toMatch(new RegExp(`["'=](${names})\\b`))
})

test('what answers the four questions is seen on one screen and a half', () => {
  const answers: Readonly<Record<string, readonly number[]>> = {
    pipeline: [4, 5, 8, 9, 10, 11, 12, 13, 14],
    message: [1, 2, 3, 4],
  }
  for (const { uid, panels: own } of dashboards) {
    const there = own.filter(({ id }) => answers[uid]?.includes(id))
    expect(there).toHaveLength(answers[uid]?.length ?? 0)
    expect(there.filter(({ gridPos: { y, h } }) => y + h > 38).map(({ title }) => title)).toEqual([])
  }
})

test('a link to a dashboard names one that is there and sets variables that it has', () => {
  const links = dashboards.flatMap(linksOf).filter((link) => link.startsWith('/'))
  expect(links.length).toBeGreaterThan(15)
  for (const link of links) {
    const { pathname, searchParams } = new URL(link.replaceAll(/\$\{[^}]*\}/g, 'x'), 'http://grafana')
    const target = dashboards.find(({ uid }) => pathname === `/d/${uid}/${uid}`)
    expect({ link, dashboard: target?.uid }).toEqual({ link, dashboard: expect.any(String) })
    const settable = target?.templating.list.filter(({ skipUrlSync }) => skipUrlSync !== true) ?? []
    const variables = settable.map(({ name }) => `var-${name}`)
    // The whole range of time is one variable of Grafana's, which stands here as "x".
    const known = new Set([...variables, 'from', 'to', 'x'])
    expect([...searchParams.keys()].filter((name) => !known.has(name))).toEqual([])
  }
})

test('from a message one comes to the time of the other dashboards, and not to its own few milliseconds', () => {
  const ofMessage = dashboards.find(({ uid }) => uid === 'message')?.links ?? []
  expect(ofMessage.map(({ title }) => title)).toEqual(expect.arrayContaining(['Pipeline', 'Stage']))
  expect(ofMessage.filter(({ keepTime }) => keepTime)).toEqual([])
})

test('a colour or a unit of its own is given to a series that is there', () => {
  for (const { targets, fieldConfig } of panels) {
    const legends = targets.map(({ legendFormat }) => legendFormat)
    // What is named by a label, or is a column of rows, only real data can tell.
    if (legends.some((legend) => legend === undefined || legend.includes('{{'))) continue
    const given = fieldConfig.overrides.map(({ matcher }) => matcher.options)
    expect(given.filter((name) => !legends.includes(name))).toEqual([])
  }
})

test('every rule belongs to a panel that is there', () => {
  const rules = readRules()
  expect(rules.length).toBeGreaterThan(5)
  for (const { title, dashboardUid, panelId } of rules) {
    const own = dashboards.find(({ uid }) => uid === dashboardUid)?.panels.find(({ id }) => id === panelId)
    expect({ title, panel: own?.title }).toEqual({ title, panel: expect.any(String) })
  }
})
