import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'

/** One question that Grafana asks Postgres, as it is written. */
export interface GrafanaQuery {
  /** "pipeline: Latest messages" */
  readonly name: string
  readonly sql: string
}

/** A dashboard's questions, and those by which it finds the values of its variables, in their order. */
export interface DashboardQueries {
  readonly panels: readonly GrafanaQuery[]
  readonly variables: readonly Variable[]
}

export interface Variable {
  readonly name: string
  /** The question whose first answer is its value; undefined when it has one by itself. */
  readonly sql: string | undefined
  readonly value: string
}

const grafana = join(import.meta.dirname, '..', 'grafana')

interface Target {
  readonly rawSql?: string
  readonly rawQuery?: unknown
}
interface Panel {
  readonly title?: string
  readonly targets?: readonly Target[]
  readonly panels?: readonly Panel[]
}
interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating?: { readonly list: readonly Templated[] }
  readonly annotations?: { readonly list: readonly { readonly name: string; readonly target?: Target }[] }
}
interface Templated {
  readonly name: string
  readonly type: string
  readonly query?: string | { readonly rawSql?: string; readonly query?: string }
  readonly current?: { readonly value?: string | readonly string[] }
}

/** What every dashboard of the project asks. */
export async function readDashboards(): Promise<DashboardQueries[]> {
  const directory = join(grafana, 'dashboards')
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).toSorted()
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
  return texts.map((text) => queriesOf(JSON.parse(text) as Dashboard))
}

function queriesOf({ uid, panels, templating, annotations }: Dashboard): DashboardQueries {
  const marks = (annotations?.list ?? []).map(({ name, target }) => ({
    title: name,
    targets: target ? [target] : [],
  }))
  const all = [...panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]), ...marks]
  return {
    panels: all.flatMap(({ title = '', targets = [] }) =>
      targets.flatMap(({ rawSql }) => (rawSql ? [{ name: `${uid}: ${title}`, sql: rawSql }] : [])),
    ),
    variables: (templating?.list ?? []).map(variableOf),
  }
}

function variableOf({ name, type, query, current }: Templated): Variable {
  const text = typeof query === 'string' ? query : (query?.rawSql ?? query?.query)
  const value = typeof current?.value === 'string' ? current.value : (current?.value?.[0] ?? '')
  return { name, sql: type === 'query' ? text : undefined, value }
}

interface RuleFile {
  readonly groups?: readonly {
    readonly rules?: readonly {
      readonly title: string
      readonly data: readonly { readonly model: Target }[]
    }[]
  }[]
}

/** What the alert rules ask of Postgres. */
export async function readAlertQueries(): Promise<GrafanaQuery[]> {
  const directory = join(grafana, 'provisioning', 'alerting')
  const files = (await readdir(directory)).filter((file) => file.endsWith('.yaml')).toSorted()
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
  return texts
    .flatMap((text) => (parse(text, { merge: true }) as RuleFile).groups ?? [])
    .flatMap(({ rules = [] }) => rules)
    .flatMap(({ title, data }) =>
      data.flatMap(({ model }) => (model.rawSql ? [{ name: `alert: ${title}`, sql: model.rawSql }] : [])),
    )
}
