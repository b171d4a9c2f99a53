import { z } from 'zod/v3'
import { type Config, exportsTraces, tracesProtocol } from '../../pipeline/config.ts'
import { createLog } from '../../telemetry/log.ts'
import { waitUntil } from '../../telemetry/wait-until.ts'
import { ask, parse, withoutLogin, type Answer } from '../ask.ts'
import { checkGrafana, contactPoints, isMonitor } from './checks-grafana.ts'
import { attempt, failure, pass, warning, type Finding } from './finding.ts'

const inStack = 'in the stack, `docker compose run --rm --no-deps add doctor`'

/** @param traceTimeoutMs until when Tempo must have a trace that it has accepted */
export async function checkObservability(config: Config, traceTimeoutMs: number): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    attempt('prometheus', config, () => checkPrometheus(config)),
    attempt('grafana', config, () => checkGrafana(config)),
    attempt('trace', config, async () => [await checkTrace(config, traceTimeoutMs)]),
    attempt('alert-receiver', config, async () => [await checkAlertReceiver(config)]),
  ])
  return findings.flat()
}

const targets = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ labels: z.record(z.string()), health: z.string(), lastError: z.string().default('') }),
    ),
  }),
})

async function checkPrometheus({ PROMETHEUS_URL }: Config): Promise<Finding[]> {
  return [judgeTargets(await ask(PROMETHEUS_URL, '/api/v1/targets?state=active'), withoutLogin(PROMETHEUS_URL).href)]
}

export function judgeTargets(answer: Answer | undefined, url: string): Finding {
  if (answer === undefined) {
    const message = `Prometheus at ${url} is not running, so the dashboards lack rates and percentiles`
    return warning('prometheus', message, 'start it, or set PROMETHEUS_URL')
  }
  const parsed = parse(answer, targets)
  if (parsed === undefined) {
    return failure('prometheus', `What answers at ${url} is no Prometheus (status ${answer.status})`, 'set PROMETHEUS_URL')
  }
  const all = parsed.data.activeTargets
  const ours = all.filter(({ labels }) => labels['job'] === 'throughline')
  if (ours.length === 0) {
    const message = `Prometheus at ${url} scrapes no process of the pipeline`
    return failure('prometheus', message, 'give it the targets that telemetry/prometheus.yml describes')
  }
  const down = all.filter(({ health }) => health === 'down')
  if (down.length === 0) return pass('prometheus', `Prometheus at ${url} scrapes ${ours.length} processes of the pipeline`)
  const names = down.map(({ labels, lastError }) => `${labels['job']} at ${labels['instance']} (${lastError})`)
  return failure('prometheus', `Prometheus cannot scrape ${names.join(', ')}`, `start what is away, and see ${url}/targets`)
}

async function checkTrace(config: Config, timeoutMs: number): Promise<Finding> {
  const { TEMPO_URL } = config
  const url = withoutLogin(TEMPO_URL).href
  const away = warning('trace', `Tempo at ${url} is not running, so traces cannot be seen`, 'start it, or set TEMPO_URL')
  const find = async (id: string) => (await ask(TEMPO_URL, `/api/traces/${id}`))?.status === 200
  const isThere = (await ask(TEMPO_URL, '/ready')) !== undefined
  if (!exportsTraces()) {
    if (!isThere) return away
    const message = `Tempo at ${url} answers, and no trace was sent, since OTEL_EXPORTER_OTLP_ENDPOINT is not set here`
    return warning('trace', message, `set it as the tracer has it, or run this ${inStack}`)
  }
  // A dynamic import, so that `throughline --help` does not load OpenTelemetry.
  const { exportTestSpan } = await import('../../telemetry/tracer/exporter.ts')
  const sending = exportTestSpan(tracesProtocol(config), createLog('silent', {}))
  const sent = await sending.then(
    (id) => ({ id, error: '' }),
    (error: unknown) => ({ id: undefined, error: String(error) }),
  )
  if (!isThere) return away
  const { id, error } = sent
  if (id === undefined) {
    const remedy = 'set OTEL_EXPORTER_OTLP_ENDPOINT to the address at which Tempo takes OTLP'
    return failure('trace', `A span could not be exported (${error})`, remedy)
  }
  const found = await waitUntil('the trace', () => find(id), { timeoutMs, everyMs: 300 }).catch(() => undefined)
  if (found) return pass('trace', `A span was sent, and Tempo at ${url} has its trace, ${id}`)
  const message = `A span was accepted, and Tempo at ${url} does not have its trace, ${id}, after ${timeoutMs / 1000} s`
  return failure('trace', message, "look at Tempo's log, and set TEMPO_URL to the Tempo behind OTEL_EXPORTER_OTLP_ENDPOINT")
}

const series = z.object({ data: z.object({ result: z.array(z.object({ metric: z.record(z.string()) })) }) })

async function checkAlertReceiver(config: Config): Promise<Finding> {
  const url = config.ALERTS_URL ?? (await findReceiver(config))
  if (url === undefined) {
    const message = 'The address at which the monitor takes alerts is not known here'
    return warning('alert-receiver', message, 'set ALERTS_URL, such as http://localhost:9464/alerts')
  }
  // Nothing is stored of a notification without alerts.
  const finding = judgeReceiver(await ask(url, '', '{"alerts":[]}'), withoutLogin(url).href)
  if (config.ALERTS_URL !== undefined || finding.status === 'pass') return finding
  // The address is that of the network of Prometheus or Grafana, which this machine may not reach.
  return warning(finding.check, finding.message, `start the monitor, or run this ${inStack}`)
}

/** Where Prometheus scrapes the monitor, or Grafana sends alerts. */
async function findReceiver({ PROMETHEUS_URL, GRAFANA_URL }: Config): Promise<string | undefined> {
  const scraped = await ask(PROMETHEUS_URL, '/api/v1/query?query=throughline_alert_notifications_total')
  const instance = (scraped && parse(scraped, series))?.data.result[0]?.metric['instance']
  if (instance !== undefined) return `http://${instance}/alerts`
  const points = await ask(GRAFANA_URL, '/api/v1/provisioning/contact-points')
  return (
    points &&
    parse(points, contactPoints)
      ?.map(({ settings }) => String(settings['url']))
      .find(isMonitor)
  )
}

export function judgeReceiver(answer: Answer | undefined, url: string): Finding {
  const check = 'alert-receiver'
  if (answer === undefined) return failure(check, `Nothing takes alerts at ${url}`, 'start the monitor, or set ALERTS_URL')
  if (answer.status === 200 && answer.body.startsWith('0 received'))
    return pass(check, `The monitor takes alerts at ${url}`)
  const text = `${answer.status} ${answer.body.trim().slice(0, 100)}`
  return failure(check, `What answers at ${url} takes no alerts (${text})`, 'set ALERTS_URL to /alerts of the monitor')
}
