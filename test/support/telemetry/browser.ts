import { chromium, type Page } from 'playwright-core'
import { findOnPath } from '../../../local/host-resources.ts'

/** A page of Grafana in a browser, with what went wrong on it. */
export interface GrafanaPage extends AsyncDisposable {
  readonly page: Page
  /** Errors of the console and of scripts since the last visit. */
  readonly errors: string[]
  /** Opens a dashboard at a path, with a refresh every 5 minutes, and waits until every panel is drawn. */
  visit(path: string): Promise<void>
  /** Waits until no request is under way and no panel is loading. */
  settled(): Promise<void>
  /** The titles of panels that show an error, or are empty without a reason. */
  failedPanels(): Promise<string[]>
}

/** The Chromium of CHROMIUM_BIN or of the PATH; undefined when there is none. */
export function findChromium(): string | undefined {
  return process.env['CHROMIUM_BIN'] ?? findOnPath('chromium') ?? findOnPath('google-chrome')
}

const QUIET_MS = 1500
const CHECK_MS = 250

/** @param executablePath from {@link findChromium}; @param origin of Grafana */
export async function openBrowser(executablePath: string, origin: string): Promise<GrafanaPage> {
  // Chromium's sandbox needs rights that a container does not have, and only our own pages are opened.
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
  // Grafana draws only the panels in view: this is higher than the longest dashboard.
  const page = await browser.newPage({ viewport: { width: 1400, height: 4200 } })
  page.setDefaultTimeout(120_000)
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => void errors.push(error.message))
  const pending = new Set<unknown>()
  page.on('request', (request) => pending.add(request))
  page.on('requestfinished', (request) => pending.delete(request))
  page.on('requestfailed', (request) => pending.delete(request))
  const settled = async () => {
    await page.locator('[data-viz-panel-key]').first().waitFor()
    const loading = page.locator('[aria-label="Panel loading bar"]')
    for (let quietMs = 0; quietMs < QUIET_MS;) {
      await page.waitForTimeout(CHECK_MS)
      quietMs = pending.size === 0 && (await loading.count()) === 0 ? quietMs + CHECK_MS : 0
    }
  }
  return {
    page,
    errors,
    settled,
    async visit(path) {
      errors.length = 0
      const url = new URL(path, origin)
      // With a refresh every 5 s, the page of a slow machine would never be settled.
      url.searchParams.set('refresh', '5m')
      await page.goto(url.href)
      await settled()
    },
    failedPanels: () =>
      page.locator('[data-viz-panel-key]').evaluateAll((panels) =>
        panels.flatMap((panel) => {
          const failed = panel.querySelector('[data-testid="data-testid Panel status error"]') !== null
          // Grafana's own words, instead of the reason that each panel of ours gives; the title may end in letters.
          const leaves = [...panel.querySelectorAll(':not(:has(*))')].map(({ textContent }) => textContent.trim())
          const isEmpty = leaves.some((text) => /^(No data$|Data is missing)/.test(text))
          const text = panel.textContent
          return failed || isEmpty ? [`${text.slice(0, 60)}: ${failed ? 'error' : 'no data'}`] : []
        }),
      ),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}
