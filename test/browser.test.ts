import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../local/host-resources.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import { dashboards } from './grafana/dashboards.ts'
import { findChromium, openBrowser, type GrafanaPage } from './support/telemetry/browser.ts'
import { startMonitoredPipeline, type MonitoredPipeline } from './support/telemetry/monitored-pipeline.ts'
import { runGrafana, type RunningGrafana } from './support/telemetry/running-grafana.ts'
import { startTempoIfInstalled } from './support/telemetry/tempo.ts'

const command = findProgram('grafana')
const chromium = findChromium()
const programs = [command, chromium, findProgram('prometheus'), findProgram('tempo')]
const wait = { timeout: 120_000, interval: 500 }

describe.skipIf(programs.includes(undefined))(
  'in a real browser (skipped without Grafana, Prometheus, Tempo and Chromium: GRAFANA_BIN, CHROMIUM_BIN, PATH)',
  () => {
    const running = new AsyncDisposableStack()
    let pipeline: MonitoredPipeline
    let grafana: RunningGrafana
    let browser: GrafanaPage
    beforeAll(async () => {
      const tempo = running.use(await startTempoIfInstalled())
      pipeline = running.use(await startMonitoredPipeline({ ...tempo.env, RATE: '5' }, ['tracer', 'generator']))
      grafana = running.use(await runGrafana(command ?? '', pipeline, { tempo: tempo.port }))
      browser = running.use(await openBrowser(chromium ?? '', grafana.url))
      await pipeline.post('start', '{"numbers":[-4,2]}')
      const { database } = pipeline
      const isDead = async () => (await database.query('select from dead_messages')).rowCount === 1
      await waitUntil('a dead letter', isDead, { timeoutMs: 120_000 })
      const served = 'select from stage_samples where served_per_second > 0'
      // Rates of Prometheus need several scrapes.
      const isSampled = async () => ((await database.query(served)).rowCount ?? 0) > 40
      await waitUntil('some samples', isSampled, { timeoutMs: 120_000 })
    })
    afterAll(() => running.disposeAsync())

    test('a panel with an error and one that is empty without a reason are found', async () => {
      const panel = (title: string, rawSql: string, y: number) => ({
        title,
        type: 'stat',
        gridPos: { x: 0, y, w: 12, h: 6 },
        datasource: { type: 'grafana-postgresql-datasource', uid: 'postgres' },
        targets: [{ refId: 'A', rawSql, rawQuery: true, format: 'table' }],
      })
      const panels = [panel('Wrong', 'select nothing', 0), panel('Empty', 'select 1 where false', 6)]
      const made = await grafana.request('/api/dashboards/db', { dashboard: { uid: 'planted', title: 'Planted', panels } })
      expect(made).toMatchObject({ status: 'success' })
      await browser.visit('/d/planted/planted')
      expect(await browser.failedPanels()).toEqual([
        expect.stringMatching(/^Wrong.*: error$/),
        expect.stringMatching(/^Empty.*: no data$/),
      ])
    })

    test.each(dashboards.map(({ uid }) => uid))(
      'every panel of %s is drawn, with data or the reason why there is none, and without an error in the console',
      async (uid) => {
        await browser.visit(`/d/${uid}/${uid}?from=now-5m&to=now`)
        expect(await browser.failedPanels()).toEqual([])
        expect(browser.errors).toEqual([])
      },
    )

    test('Pipeline is the home, and a click on a stage of its picture leads to the page of the stage', async () => {
      const { page } = browser
      await browser.visit('/')
      await page.getByTestId('node-click-rect-lcm').click()
      // Grafana opens links of a node graph in a new tab.
      const [opened] = await Promise.all([
        page.waitForEvent('popup'),
        page.getByLabel('Context menu').getByText('This stage').click(),
      ])
      await opened.getByText('Does it keep up?').waitFor()
      expect(opened.url()).toMatch(/\/d\/stage\/stage\?var-stage=lcm/)
      await opened.close()
    })

    test('a click leads from a message of Pipeline to its trace, and from there to one of its stages', async () => {
      const { page } = browser
      await browser.visit('/d/pipeline/pipeline?from=now-5m&to=now')
      const latest = page.locator('[data-viz-panel-key]').filter({ hasText: 'Latest messages' })
      const link = latest.locator('a[href*="/d/message/message?var-message="]').first()
      const id = /var-message=([0-9a-f]{32})/.exec((await link.getAttribute('href')) ?? '')?.[1]
      // An id is wider than its column, whose neighbour covers the rest of the link.
      await link.click({ position: { x: 20, y: 5 } })
      await page.waitForURL(`**/d/message/message?var-message=${id}**`)
      await browser.settled()
      const trace = page.locator('[data-viz-panel-key]').filter({ hasText: 'Its trace' })
      await expect.poll(() => trace.textContent(), wait).toMatch(/square-root/)
      const steps = page.locator('[data-viz-panel-key]').filter({ hasText: 'What did each stage receive and add?' })
      await steps.locator('a[href*="/d/stage/stage?var-stage=lcm"]').first().click()
      await page.waitForURL('**/d/stage/stage?var-stage=lcm**')
      await browser.settled()
      expect(await browser.failedPanels()).toEqual([])
      expect(browser.errors).toEqual([])
    })
  },
)
