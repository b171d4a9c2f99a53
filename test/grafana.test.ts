import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { dashboards } from './grafana/dashboards.ts'
import { findProgram } from '../local/host-resources.ts'
import { startMonitoredPipeline, type MonitoredPipeline } from './support/telemetry/monitored-pipeline.ts'
import { panelsWithoutData, countValues } from './support/telemetry/panel-queries.ts'
import { startSlackReceiver, type SlackReceiver } from './support/telemetry/slack-receiver.ts'
import { startTempoIfInstalled, type RunningTempo } from './support/telemetry/tempo.ts'
import { runGrafana, type RunningGrafana } from './support/telemetry/running-grafana.ts'

const command = findProgram('grafana')
const canRun = command !== undefined && findProgram('prometheus') !== undefined
const wait = { timeout: 240_000, interval: 500 }

describe.skipIf(!canRun)('in a real Grafana (skipped without one and a Prometheus: GRAFANA_BIN, PATH)', () => {
  const running = new AsyncDisposableStack()
  let tempo: RunningTempo
  let pipeline: MonitoredPipeline
  let grafana: RunningGrafana
  let slack: SlackReceiver
  beforeAll(async () => {
    tempo = running.use(await startTempoIfInstalled())
    pipeline = running.use(await startMonitoredPipeline(tempo.env, tempo.port === undefined ? [] : ['tracer']))
    slack = running.use(await startSlackReceiver())
    const env = { ALERT_RECEIVER: 'slack', ALERT_SLACK_URL: slack.url, ALERT_WEBHOOK_TOKEN: 'token-of-the-test' }
    grafana = running.use(await runGrafana(command ?? '', pipeline, { tempo: tempo.port, env }))
  })
  afterAll(() => running.disposeAsync())

  /** The notifications about a stage in order. */
  async function delivered(stage: string): Promise<string[]> {
    const { rows } = await pipeline.database.query<{ alert: string; status: string }>(
      'select alert, status from alert_notifications where stage = $1 order by id',
      [stage],
    )
    return rows.map(({ alert, status }) => `${alert}: ${status}`)
  }

  /** The age in seconds of the oldest message that waits for a stage. */
  async function oldestAt(stage: string): Promise<number> {
    const { rows } = await pipeline.database.query<{ seconds: number | null }>(
      'select oldest_seconds as seconds from stage_now where stage = $1',
      [stage],
    )
    return rows[0]?.seconds ?? 0
  }

  /** The summary of the latest notification that a stage is stopped or stalled. */
  async function summaryOf(stage: string, status: string): Promise<string | undefined> {
    const { rows } = await pipeline.database.query<{ summary: string }>(
      `select summary from alert_notifications where (alert, stage, status) = ('Stage stopped or stalled', $1, $2)
         order by id desc limit 1`,
      [stage, status],
    )
    return rows[0]?.summary
  }

  test('every rule and dashboard is provisioned, all in one folder, and without an error about a missing directory', async () => {
    const rules = (await grafana.request('/api/v1/provisioning/alert-rules')) as { uid: string }[]
    expect(rules.map(({ uid }) => uid).toSorted()).toEqual(
      readRules()
        .map(({ uid }) => uid)
        .toSorted(),
    )
    for (const { uid, title } of dashboards) {
      expect(await grafana.request(`/api/dashboards/uid/${uid}`)).toMatchObject({ dashboard: { title } })
    }
    const folders = (await grafana.request('/api/folders')) as { title: string }[]
    expect(folders.map(({ title }) => title)).toEqual(['Throughline'])
    expect(await grafana.log()).not.toMatch(/provisioning files from directory/)
  })

  test('viewing needs no login, and changes do', async () => {
    expect(await grafana.anonymousStatus('/api/dashboards/uid/pipeline')).toBe(200)
    expect([401, 403]).toContain(await grafana.anonymousStatus('/api/dashboards/db', { dashboard: { title: 'Mine' } }))
  })

  test('without a login, no answer of Grafana has a password, a token or the URL of Slack', async () => {
    const receivers = '/apis/notifications.alerting.grafana.app/v0alpha1/namespaces/default/receivers'
    const alertmanager = '/api/alertmanager/grafana/config/api/v1/alerts'
    const provisioning = '/api/v1/provisioning/contact-points'
    const pages = ['/', '/metrics', '/bootdata', '/api/datasources', '/api/frontend/settings', alertmanager, receivers]
    const answers = [...pages, provisioning, `${provisioning}/export`, `${provisioning}/export?decrypt=true`].map(
      async (path) => await (await fetch(grafana.url + path)).text(),
    )
    const all = (await Promise.all(answers)).join('\n')
    expect(all).toContain('slack')
    for (const secret of [new URL(slack.url).pathname, 'token-of-the-test', pipeline.grafanaPassword]) {
      expect(all).not.toContain(secret)
    }
  })

  test('each data source connects', async () => {
    expect(await grafana.request('/api/datasources/uid/postgres/health')).toMatchObject({ status: 'OK' })
    // Grafana before 10 has no health check for these two.
    const proxy = '/api/datasources/proxy/uid'
    expect(await grafana.anonymousStatus(`${proxy}/prometheus/api/v1/status/buildinfo`)).toBe(200)
    const echo = await grafana.anonymousStatus(`${proxy}/tempo/api/echo`)
    expect(echo).toBe(tempo.port === undefined ? 502 : 200)
  })

  test('a frozen stage is one alert at the monitor and in Slack, and the alert is resolved when it continues', async () => {
    const lcm = pipeline.processes.get('lcm')?.child
    await pipeline.post('start', '{"numbers":[-4,2]}')
    lcm?.kill('SIGSTOP')
    for (let count = 0; count < 8; count += 1) await pipeline.post('start', '{"numbers":[1,2]}', {}, count % 4)
    await expect.poll(() => delivered('lcm'), wait).toEqual(['Stage stopped or stalled: firing'])
    // By this age the rules about missing processes and old messages would have fired, too.
    await expect.poll(() => oldestAt('lcm'), wait).toBeGreaterThan(100)
    lcm?.kill('SIGCONT')
    const both = ['Stage stopped or stalled: firing', 'Stage stopped or stalled: resolved']
    await expect.poll(() => delivered('lcm'), wait).toEqual(both)
    const aboutLcm = () => slack.messages.filter((text) => text.includes('stage = lcm'))
    await expect
      .poll(aboutLcm, wait)
      .toEqual([
        expect.stringMatching(/^\[FIRING:1\] Stage stopped or stalled[^]*summary = lcm is (stopped|stalled)/),
        expect.stringMatching(/^\[RESOLVED\] Stage stopped or stalled/),
      ])
    const { rows } = await pipeline.database.query<{ url: string }>(
      `select url from alert_notifications where stage = 'lcm' limit 1`,
    )
    expect(rows[0]?.url).toMatch(/^http:\/\/localhost:\d+\/d\/stage\?var-stage=lcm$/)
    expect(await summaryOf('lcm', 'firing')).toMatch(/^lcm is (stopped|stalled), messages wait/)
    expect(await summaryOf('lcm', 'resolved')).toBe('lcm works again.')
  })

  test('every query of every panel returns data', async () => {
    const { rows } = await pipeline.database.query<{ id: string }>('select message as id from dead_messages')
    const ofTracer = ['A', 'B'].filter(() => tempo.port === undefined)
    // C is of Tempo, which is not scraped.
    const empty = [...ofTracer, 'C'].map((query) => `pipeline/What became of the traces?/${query}: 0`)
    expect(await panelsWithoutData(grafana, rows[0]?.id ?? '')).toEqual(empty)
  })

  test('every variable has values, and the trace of the variable exists', async () => {
    const { rows } = await pipeline.database.query<{ id: string }>('select hex(message_id) as id from finished limit 1')
    const values = { message: rows[0]?.id ?? '', id: rows[0]?.id ?? '' }
    const variables = dashboards.flatMap(({ templating }) => templating.list.filter(({ type }) => type === 'query'))
    expect(variables.map(({ name }) => name)).toEqual(['id', 'trace', 'stage'])
    for (const { name, query, datasource = { type: '', uid: '' } } of variables) {
      const target = { refId: 'A', datasource, rawSql: query, format: 'table' }
      expect({ name, values: await countValues(grafana, target, values) }).not.toEqual({
        name,
        values: 0,
      })
    }
    const trace = `/api/datasources/proxy/uid/tempo/api/traces/${values.id}`
    await expect.poll(() => grafana.anonymousStatus(trace), wait).toBe(tempo.port === undefined ? 502 : 200)
  })
})
