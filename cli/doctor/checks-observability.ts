import { z } from 'zod/v3'
import { type Config, exportsTraces, tracesProtocol } from '../../pipeline/config.ts'
import { createLog } from '../../telemetry/log.ts'
import { waitUntil } from '../../telemetry/wait-until.ts'
import { ask, parse, withoutLogin, type Answer } from '../ask.ts'
import { failure, pass, warning, type Finding } from './finding.ts'

/** The servers that the demo works without, by the variable that has their address. */
const servers = {
  PROMETHEUS_URL: { check: 'prometheus', name: 'Prometheus', loss: 'the dashboards lack rates and percentiles' },
  GRAFANA_URL: { check: 'grafana', name: 'Grafana', loss: 'there are no dashboards and no alerts' },
  TEMPO_URL: { check: 'trace', name: 'Tempo', loss: 'traces cannot be seen' },
} as const

/** @param timeoutMs until when Tempo must have a trace that it has accepted */
export async function checkObservability(config: Config, timeoutMs: number): Promise<readonly Finding[]> {
  const [prometheus, grafana, tempo] = await Promise.all([
    ask(config.PROMETHEUS_URL, '/api/v1/targets?state=active'),
    ask(config.GRAFANA_URL, '/api/health'),
    ask(config.TEMPO_URL, '/ready'),
  ])
  const sources = ['postgres', ...(prometheus ? ['prometheus'] : []), ...(tempo ? ['tempo'] : [])]
  const others = await Promise.all([
    grafana ? checkGrafana(grafana, sources, config) : Promise.resolve([notRunning('GRAFANA_URL', config)]),
    tempo ? checkTrace(config, timeoutMs) : Promise.resolve(notRunning('TEMPO_URL', config)),
    checkAlertReceiver(config),
  ])
  const targets = prometheus && judgeTargets(prometheus, withoutLogin(config.PROMETHEUS_URL).href)
  return [targets ?? notRunning('PROMETHEUS_URL', config), ...others.flat()]
}

function notRunning(variable: keyof typeof servers, config: Config): Finding {
  const { check, name, loss } = servers[variable]
  const message = `${name} at ${withoutLogin(config[variable]).href} is not running, so ${loss}`
  return warning(check, message, `start it, or set ${variable}`)
}

const target = z.object({ labels: z.record(z.string()), health: z.string(), lastError: z.string().default('') })
const targetList = z.object({ data: z.object({ activeTargets: z.array(target) }) })

export function judgeTargets(answer: Answer, url: string): Finding {
  const targets = parse(answer, targetList)?.data.activeTargets ?? []
  const { length } = targets.filter(({ labels }) => labels['job'] === 'throughline')
  if (length === 0) {
    const message = `Prometheus at ${url} scrapes no process of the pipeline (status ${answer.status})`
    const remedy = 'give it the targets that telemetry/prometheus.yml describes, or set PROMETHEUS_URL'
    return failure('prometheus', message, remedy)
  }
  const down = targets.filter(({ health }) => health === 'down')
  if (down.length === 0) return pass('prometheus', `Prometheus at ${url} scrapes ${length} processes of the pipeline`)
  const names = down.map(({ labels, lastError }) => `${labels['job']} at ${labels['instance']} (${lastError})`)
  return failure('prometheus', `Prometheus cannot scrape ${names.join(', ')}`, `start what is away, and see ${url}/targets`)
}

const grafanaHealth = z.object({ database: z.literal('ok'), version: z.string().default('') })

/** @param sources the uids of the data sources whose servers are running */
async function checkGrafana(answer: Answer, sources: readonly string[], { GRAFANA_URL }: Config): Promise<Finding[]> {
  const url = withoutLogin(GRAFANA_URL).href
  const health = parse(answer, grafanaHealth)
  if (health === undefined) {
    const message = `What answers at ${url} is no Grafana that works (status ${answer.status})`
    return [failure('grafana', message, 'look at its log, or set GRAFANA_URL')]
  }
  const answers = sources.map(async (name) => {
    return judgeDataSource(name, await ask(GRAFANA_URL, `/api/datasources/uid/${name}/health`), url)
  })
  return [pass('grafana', `Grafana ${health.version} at ${url} answers`), ...(await Promise.all(answers))]
}

/** @param answer to the question whether the data source works */
export function judgeDataSource(name: string, answer: Answer | undefined, url: string): Finding {
  if (answer?.status === 200) return pass('data-sources', `The data source ${name} of Grafana works`)
  if (answer?.status === 401 || answer?.status === 403) {
    const message = `Grafana does not tell without a login whether the data source ${name} works`
    return warning('data-sources', message, `set GRAFANA_URL=${url.replace('://', '://admin:PASSWORD@')}`)
  }
  const reason = answer && (parse(answer, z.object({ message: z.string() }))?.message ?? `status ${answer.status}`)
  const message = `The data source ${name} of Grafana does not work (${reason ?? 'no answer'})`
  return failure('data-sources', message, `see ${url}/connections/datasources and grafana/provisioning`)
}

async function checkTrace(config: Config, timeoutMs: number): Promise<Finding> {
  const { TEMPO_URL } = config
  const url = withoutLogin(TEMPO_URL).href
  if (!exportsTraces()) {
    const message = `Tempo at ${url} answers, and no trace was sent, since OTEL_EXPORTER_OTLP_ENDPOINT is not set here`
    return warning(
      'trace',
      message,
      'set it as the tracer has it; in the stack, `docker compose run --rm --no-deps add doctor`',
    )
  }
  // A dynamic import, so that `throughline --help` does not load OpenTelemetry.
  const { exportTestSpan } = await import('../../telemetry/tracer/exporter.ts')
  const sent = await exportTestSpan(tracesProtocol(config), createLog('silent', {})).catch((error: unknown) => ({ error }))
  if (typeof sent === 'object') {
    const remedy = 'set OTEL_EXPORTER_OTLP_ENDPOINT to the address at which Tempo takes OTLP'
    return failure('trace', `A span could not be exported (${String(sent.error)})`, remedy)
  }
  const find = async () => (await ask(TEMPO_URL, `/api/traces/${sent}`))?.status === 200
  const found = await waitUntil('the trace', find, { timeoutMs, everyMs: 300 }).catch(() => undefined)
  if (found) return pass('trace', `A span was sent, and Tempo at ${url} has its trace, ${sent}`)
  const message = `A span was accepted, and Tempo at ${url} does not have its trace, ${sent}, after ${timeoutMs / 1000} s`
  return failure('trace', message, "look at Tempo's log, and set TEMPO_URL to the Tempo behind OTEL_EXPORTER_OTLP_ENDPOINT")
}

async function checkAlertReceiver({ ALERTS_URL }: Config): Promise<Finding> {
  const url = ALERTS_URL ?? 'http://localhost:9464/alerts'
  // Nothing is stored of a notification without alerts.
  const finding = judgeReceiver(await ask(url, '', '{"alerts":[]}'), withoutLogin(url).href)
  // The monitor's port is not known here.
  return ALERTS_URL === undefined && finding.status === 'failure' ? { ...finding, status: 'warning' } : finding
}

export function judgeReceiver(answer: Answer | undefined, url: string): Finding {
  if (answer?.body.startsWith('0 received')) return pass('alert-receiver', `The monitor takes alerts at ${url}`)
  const message =
    answer === undefined
      ? `Nothing takes alerts at ${url}`
      : `What answers at ${url} takes no alerts (${answer.status} ${answer.body.trim().slice(0, 100)})`
  return failure('alert-receiver', message, 'start the monitor, or set ALERTS_URL to its /alerts')
}
