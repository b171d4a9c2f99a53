import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { dashboards } from './grafana/dashboards.ts'
import { findProgram } from '../local/find-program.ts'
import { askedPipeline, type AskedPipeline } from './support/asked-pipeline.ts'
import { unansweredPanels, valuesOf } from './support/panel-answers.ts'
import { someTempo, type SomeTempo } from './support/some-tempo.ts'
import { runGrafana, type RunningGrafana } from './support/running-grafana.ts'

const command = findProgram('grafana')
const canRun = command !== undefined && findProgram('prometheus') !== undefined
const wait = { timeout: 240_000, interval: 500 }

describe.skipIf(!canRun)(
  'in a real Grafana (skipped without one and a Prometheus: GRAFANA_BIN, PATH)',
  () => {
    const running = new AsyncDisposableStack()
    let tempo: SomeTempo
    let pipeline: AskedPipeline
    let grafana: RunningGrafana
    beforeAll(async () => {
      tempo = running.use(await someTempo())
      pipeline = running.use(await askedPipeline(tempo.env))
      grafana = running.use(await runGrafana(command ?? '', pipeline, tempo.port))
    })
    afterAll(() => running.disposeAsync())

    /** What was delivered about a stage, one after the other. */
    async function delivered(stage: string): Promise<string[]> {
      const { rows } = await pipeline.database.query<{ alert: string; status: string }>(
        'select alert, status from alert_notifications where stage = $1 order by id',
        [stage],
      )
      return rows.map(({ alert, status }) => `${alert}: ${status}`)
    }

    /** What was said of a stage that was stopped or stalled. */
    async function saidOf(stage: string, status: string): Promise<string | undefined> {
      const { rows } = await pipeline.database.query<{ summary: string }>(
        `select summary from alert_notifications where (alert, stage, status) = ('Stage stopped or stalled', $1, $2)
         order by id desc limit 1`,
        [stage, status],
      )
      return rows[0]?.summary
    }

    test('every rule and dashboard is there as it is in its file', async () => {
      const rules = (await grafana.ask('/api/v1/provisioning/alert-rules')) as { uid: string }[]
      expect(rules.map(({ uid }) => uid).toSorted()).toEqual(
        readRules()
          .map(({ uid }) => uid)
          .toSorted(),
      )
      for (const { uid, title } of dashboards) {
        expect(await grafana.ask(`/api/dashboards/uid/${uid}`)).toMatchObject({ dashboard: { title } })
      }
    })

    test('everybody may look, and whoever changes something has to log in', async () => {
      expect(await grafana.statusOf('/api/dashboards/uid/pipeline')).toBe(200)
      expect([401, 403]).toContain(
        await grafana.statusOf('/api/dashboards/db', { dashboard: { title: 'Mine' } }),
      )
    })

    test('each data source answers', async () => {
      expect(await grafana.ask('/api/datasources/uid/postgres/health')).toMatchObject({ status: 'OK' })
      // Before 10 Grafana knew no health of these two.
      const proxy = '/api/datasources/proxy/uid'
      expect(await grafana.statusOf(`${proxy}/prometheus/api/v1/status/buildinfo`)).toBe(200)
      const echo = await grafana.statusOf(`${proxy}/tempo/api/echo`)
      expect(echo).toBe(tempo.port === undefined ? 502 : 200)
    })

    test('a stage is frozen and an alert arrives at the monitor; it goes on and the alert is resolved', async () => {
      const lcm = pipeline.processes.get('lcm')?.child
      await pipeline.post('start', '{"numbers":[-4,2]}')
      lcm?.kill('SIGSTOP')
      for (let count = 0; count < 8; count += 1)
        await pipeline.post('start', '{"numbers":[1,2]}', {}, count % 4)
      await expect.poll(() => delivered('lcm'), wait).toContain('Stage stopped or stalled: firing')
      lcm?.kill('SIGCONT')
      await expect.poll(() => delivered('lcm'), wait).toContain('Stage stopped or stalled: resolved')
      const { rows } = await pipeline.database.query<{ url: string }>(
        `select url from alert_notifications where stage = 'lcm' limit 1`,
      )
      expect(rows[0]?.url).toMatch(/^http:\/\/localhost:\d+\/d\/stage\?var-stage=lcm$/)
      expect(await saidOf('lcm', 'firing')).toMatch(/^lcm is (stopped|stalled), messages wait/)
      expect(await saidOf('lcm', 'resolved')).toBe('lcm works again.')
    })

    test('every question of every panel is answered, without an error and not with nothing', async () => {
      const { rows } = await pipeline.database.query<{ id: string }>(
        'select message as id from dead_messages',
      )
      // No tracer runs here, and Tempo is not scraped.
      const unanswered = await unansweredPanels(grafana, rows[0]?.id ?? '')
      expect(new Set(unanswered)).toEqual(new Set(['pipeline/What became of the traces?: 0']))
    })

    test('every variable has values, and the trace that one names is there', async () => {
      const { rows } = await pipeline.database.query<{ id: string }>(
        'select hex(message_id) as id from finished limit 1',
      )
      const values = { message: rows[0]?.id ?? '', id: rows[0]?.id ?? '' }
      const variables = dashboards.flatMap(({ templating }) =>
        templating.list.filter(({ type }) => type === 'query'),
      )
      expect(variables.map(({ name }) => name)).toEqual(['id', 'trace', 'stage'])
      for (const { name, query, datasource = { type: '', uid: '' } } of variables) {
        const target = { refId: 'A', datasource, rawSql: query, format: 'table' }
        expect({ name, values: await valuesOf(grafana, target, values) }).not.toEqual({
          name,
          values: 0,
        })
      }
      const trace = `/api/datasources/proxy/uid/tempo/api/traces/${values.id}`
      await expect.poll(() => grafana.statusOf(trace), wait).toBe(tempo.port === undefined ? 502 : 200)
    })
  },
)
