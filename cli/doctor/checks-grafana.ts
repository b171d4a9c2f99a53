import { z } from 'zod/v3'
import type { Config } from '../../pipeline/config.ts'
import { ask, parse, withoutLogin, type Answer } from '../ask.ts'
import { failure, pass, warning, type Finding } from './finding.ts'

const grafanaHealth = z.object({ database: z.string(), version: z.string().default('') })

export async function checkGrafana({ GRAFANA_URL, PROMETHEUS_URL, TEMPO_URL }: Config): Promise<Finding[]> {
  const url = withoutLogin(GRAFANA_URL).href
  const answer = await ask(GRAFANA_URL, '/api/health')
  if (answer === undefined) {
    const message = `Grafana at ${url} is not running, so there are no dashboards and no alerts`
    return [warning('grafana', message, 'start it, or set GRAFANA_URL')]
  }
  const health = parse(answer, grafanaHealth)
  if (health?.database !== 'ok') {
    const message = `What answers at ${url} is no Grafana that works (status ${answer.status})`
    return [failure('grafana', message, 'look at its log, or set GRAFANA_URL')]
  }
  const names = ['postgres', 'prometheus', 'tempo'] as const
  const asked = names.map(async (name) => [name, await ask(GRAFANA_URL, `/api/datasources/uid/${name}/health`)] as const)
  const others = { prometheus: ask(PROMETHEUS_URL, '/-/ready'), tempo: ask(TEMPO_URL, '/ready') }
  const away = Promise.all(Object.entries(others).map(async ([name, ready]) => ((await ready) ? [] : [name])))
  const points = ask(GRAFANA_URL, '/api/v1/provisioning/contact-points')
  const policies = ask(GRAFANA_URL, '/api/v1/provisioning/policies')
  return [
    pass('grafana', `Grafana ${health.version} at ${url} answers`),
    ...judgeDataSources(new Map(await Promise.all(asked)), (await away).flat(), url),
    judgeContactPoint(await points, await policies, url),
  ]
}

const isRefused = (answer: Answer) => answer.status === 401 || answer.status === 403

/** What to do when Grafana refuses to say something without a login. */
const login = (url: string) => `set GRAFANA_URL=${url.replace('://', '://admin:PASSWORD@')}`

/**
 * @param answers to the questions whether the data sources work, by their uid
 * @param away those whose server is not running, which is a warning of its own
 */
export function judgeDataSources(
  answers: ReadonlyMap<string, Answer | undefined>,
  away: readonly string[],
  url: string,
): Finding[] {
  const check = 'data-sources'
  const all = [...answers].map(([name, answer]) => {
    if (away.includes(name)) return warning(check, `The data source ${name} has no server`, `start ${name}`)
    const text = messageOf(answer?.body ?? '') ?? `status ${answer?.status}`
    if (answer === undefined) return failure(check, `The data source ${name} does not answer Grafana`, `start ${name}`)
    if (answer.status === 200) return pass(check, name)
    if (isRefused(answer)) return warning(check, `Grafana does not tell without a login whether ${name} works`, login(url))
    const isUnknown = answer.status === 404 && /not found/i.test(text) && !/plugin/i.test(text)
    const provisioning = 'give Grafana the files of grafana/provisioning'
    if (isUnknown) return failure(check, `Grafana has no data source ${name}`, provisioning)
    return failure(
      check,
      `The data source ${name} does not work (${text})`,
      `start ${name}, and see ${url}/connections/datasources`,
    )
  })
  const working = all.filter(({ status }) => status === 'pass').map(({ message }) => message)
  const rest = all.filter(({ status }) => status !== 'pass')
  return working.length === 0 ? rest : [pass(check, `These data sources of Grafana work: ${working.join(', ')}`), ...rest]
}

function messageOf(body: string): string | undefined {
  const [quoted] = /"(?:[^"\\]|\\.)*"/.exec(body.split('"message":')[1] ?? '') ?? []
  return quoted === undefined ? undefined : String(JSON.parse(quoted))
}

export const contactPoints = z.array(z.object({ name: z.string(), type: z.string(), settings: z.record(z.unknown()) }))
const policy = z.object({ receiver: z.string() })

/** Whether a URL is that of the monitor, for all that can be seen of it. */
export const isMonitor = (url: string) => url.endsWith('/alerts')

export function judgeContactPoint(points: Answer | undefined, policies: Answer | undefined, url: string): Finding {
  const check = 'contact-point'
  if (points !== undefined && isRefused(points)) {
    return warning(check, 'Grafana does not tell without a login where alerts go', login(url))
  }
  const receiver = policies && parse(policies, policy)?.receiver
  const receivers = (points && parse(points, contactPoints))?.filter(({ name }) => name === receiver) ?? []
  const remedy = 'give Grafana the files of grafana/provisioning, with ALERT_RECEIVER'
  if (receivers.length === 0) return failure(check, `Grafana has no contact point ${receiver ?? ''} for alerts`, remedy)
  if (!receivers.some(({ settings }) => isMonitor(String(settings['url']))))
    return warning(check, `Alerts go to ${receiver}, and not to the monitor, which stores them`, remedy)
  return pass(check, `Alerts go to the contact point ${receiver}: ${receivers.map(({ type }) => type).join(', ')}`)
}
