import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { createProgram } from '../cli/throughline.ts'
import { alertDefaults } from '../local/observability-servers.ts'
import { readCompose } from '../test/compose/compose-file.ts'
import { alertingText, readRuleGroups, readRules } from '../test/grafana/alert-rules.ts'
import { dashboards } from '../test/grafana/dashboards.ts'

const rules = readRules()
const ofStages = rules.filter(({ dashboardUid }) => dashboardUid === 'stage')

test('each rule has a unique uid and title, and all are in the folder of the dashboards', () => {
  for (const name of ['uid', 'title'] as const) {
    expect(new Set(rules.map((rule) => rule[name])).size).toBe(rules.length)
  }
  expect(rules.filter(({ uid }) => !/^[a-z-]{1,40}$/.test(uid))).toEqual([])
  expect(readRuleGroups().map(({ folder }) => folder)).toEqual(['Throughline'])
})

test('every threshold is defined at the top and referred to by a rule', () => {
  const [, text = ''] = alertingText('rules.yaml').split('\ngroups:\n')
  expect(text.match(/evaluator: \*\w+|expression: \*\w+/g)).toHaveLength(rules.length)
  expect(text).not.toContain('params:')
})

test('every interval and duration is a multiple of 10 s', () => {
  const intervals = readRuleGroups().map(({ interval }) => interval)
  const times = [...intervals, ...rules.map((rule) => rule.for)]
  expect(times.filter((seconds) => seconds % 10 !== 0)).toEqual([])
})

test('only the rule about the monitor fires when a query fails or returns nothing', () => {
  const alarming = rules.filter((rule) => rule.noDataState !== 'OK' || rule.execErrState !== 'OK')
  expect(alarming.map(({ uid }) => uid)).toEqual(['monitor-down'])
})

test.each(rules)('$uid: its condition is an expression over its queries', ({ condition, data }) => {
  const queries = data.map(({ refId }) => refId)
  expect(queries).toContain(condition)
  expect(new Set(queries).size).toBe(queries.length)
  expect(data.map(({ model }) => model.refId)).toEqual(queries)
  const used = data.flatMap(({ model }) => {
    if (!('expression' in model)) return []
    return model.type === 'threshold' ? model.expression : (model.expression.match(/(?<=\$)\w+/g) ?? [])
  })
  expect(queries).toEqual([...used, condition])
})

test.each(rules)(
  '$uid: its summary says what to do, with existing commands, and has a text for the resolved alert',
  async ({ annotations }) => {
    expect(annotations.summary).toMatch(/^[^\n]{60,}\.$/)
    expect(annotations.summary).toMatch(/^[^]*\{\{-? else -?\}\}[^]{10,}\{\{ end \}\}\.$/)
    const commands = (await createProgram()).commands.map((command) => command.name())
    // The tracer has its own command.
    const written = /`throughline (?:\{\{ if eq \$labels\.stage "tracer" \}\}(\w+)\{\{ else \}\})?([\w-]+)/g
    const named = [...annotations.summary.matchAll(written)].flatMap(([, ...names]) => names.filter(Boolean))
    expect(commands).toEqual(expect.arrayContaining(named))
  },
)

test('a process is started with or without Docker', () => {
  const started = rules.filter(({ annotations }) => /`throughline (.*\}run|monitor)/.test(annotations.summary))
  expect(started.map(({ uid }) => uid)).toEqual(['stage-stopped', 'process-missing', 'monitor-down'])
  expect(started.filter(({ annotations }) => !annotations.summary.includes('`docker compose up -d '))).toEqual([])
})

test.each(ofStages)('$uid: its summary names the stage and links to its page', ({ annotations }) => {
  expect(annotations.summary).toContain('{{ $labels.stage }}')
  expect(annotations.dashboard).toMatch(/\?var-stage=\{\{ \$labels\.stage \}\}$/)
})

test.each(rules)('$uid: its panel and its page exist', ({ dashboardUid, panelId, annotations }) => {
  const dashboard = dashboards.find(({ uid }) => uid === dashboardUid)
  expect(dashboard?.panels.map(({ id }) => id)).toContain(panelId)
  const page = new URL(annotations.dashboard.replace('{{ externalURL }}', 'http://grafana/'))
  expect(page.pathname).toBe(`/d/${dashboardUid}`)
  const variables = dashboard?.templating.list.map(({ name }) => `var-${name}`)
  expect(variables).toEqual(expect.arrayContaining([...page.searchParams.keys()]))
})

test.each(rules)('$uid: no `$` where Grafana expands it, and no `$$` where it does not', (rule) => {
  const { uid, title, labels, annotations, data } = rule
  expect(JSON.stringify([uid, title, labels])).not.toContain('$')
  expect(JSON.stringify([annotations, data])).not.toMatch(/\$\$|\$\{/)
  const variables = Object.values(annotations).flatMap((text) => text.match(/\$\w*/g) ?? [])
  expect(['$labels', '$values']).toEqual(expect.arrayContaining(variables))
})

interface Notifications {
  readonly contactPoints: readonly {
    readonly name: string
    readonly receivers: readonly { readonly uid: string; readonly type: string; readonly settings: object }[]
  }[]
  readonly policies: readonly { readonly receiver: string; readonly group_by: readonly string[] }[]
}

test('alerts go to the monitor, and to one address besides where the environment says so', () => {
  const { contactPoints, policies } = parse(alertingText('notifications.yaml'), { merge: true }) as Notifications
  expect(policies.map(({ receiver }) => receiver)).toEqual(['$ALERT_RECEIVER'])
  const monitor = { type: 'webhook', settings: { url: '$ALERTS_URL', httpMethod: 'POST' } }
  const named = contactPoints.map(({ name, receivers: [first, ...others] }) => {
    expect(first).toMatchObject(monitor)
    return [name, others.map(({ type, settings }) => ({ type, settings }))] as const
  })
  expect(Object.fromEntries(named)).toEqual({
    monitor: [],
    slack: [{ type: 'slack', settings: { url: '$ALERT_SLACK_URL' } }],
    webhook: [
      {
        type: 'webhook',
        settings: { url: '$ALERT_WEBHOOK_URL', httpMethod: 'POST', authorization_credentials: '$ALERT_WEBHOOK_TOKEN' },
      },
    ],
    email: [{ type: 'email', settings: { addresses: '$ALERT_MAIL_TO' } }],
  })
  const uids = contactPoints.flatMap(({ receivers }) => receivers.map(({ uid }) => uid))
  expect(new Set(uids).size).toBe(uids.length)
})

test('without a variable, the monitor alone receives alerts, with Docker and without', () => {
  const { environment } = readCompose().services['grafana'] ?? {}
  const given = Object.entries(environment ?? {}).filter(([name]) => name.startsWith('ALERT_'))
  expect(given).toEqual(Object.entries(alertDefaults).map(([name, value]) => [name, `\${${name}:-${value}}`]))
})
