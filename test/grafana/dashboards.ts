import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface Target {
  readonly refId: string
  readonly datasource: { readonly type: string; readonly uid: string }
  /** PromQL, SQL, or a trace id: one of the three. */
  readonly expr?: string
  readonly rawSql?: string
  readonly query?: string
  readonly legendFormat?: string
}

interface Mapping {
  readonly type: string
  readonly options: {
    readonly match?: string
    readonly result?: { readonly text?: string; readonly color?: string }
  }
}

interface Property {
  readonly id: string
  readonly value: unknown
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly Target[]
  readonly datasource?: Target['datasource']
  /** A range of time of its own. */
  readonly timeFrom?: string
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string
      readonly displayName?: string
      readonly noValue?: string
      readonly color?: { readonly mode: string; readonly fixedColor?: string }
      readonly mappings?: readonly Mapping[]
      readonly thresholds?: unknown
    }
    readonly overrides: readonly {
      readonly matcher: { readonly id: string; readonly options: string }
      readonly properties: readonly Property[]
    }[]
  }
  readonly options: {
    readonly colorMode?: string
    readonly reduceOptions?: { readonly calcs: readonly string[] }
    readonly color?: { readonly scheme: string }
    readonly xField?: string
    readonly yAxis?: { readonly unit: string }
  }
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
  readonly datasource?: Target['datasource']
  /** Nobody sets it by a link: it follows from others. */
  readonly skipUrlSync?: boolean
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly links: readonly {
    readonly title: string
    readonly url: string
    readonly keepTime: boolean
  }[]
  /** The file as it is. */
  readonly text: string
}

const directory = join(import.meta.dirname, '..', '..', 'grafana', 'dashboards')

/** The dashboards as their files have them. What Grafana itself makes of the files is held to its types by a test. */
export const dashboards: readonly Dashboard[] = readdirSync(directory).map((file) => {
  const text = readFileSync(join(directory, file), 'utf8')
  return Object.assign(JSON.parse(text) as Omit<Dashboard, 'text'>, { text })
})

/** A question that a panel or a variable asks. */
export interface Question {
  /** Who asks, such as "pipeline/Where does the time go?/A". */
  readonly of: string
  readonly datasource: string
  readonly text: string
}

/** All questions of a dashboard to one data source. */
export function questionsTo(datasource: string, { uid, panels, templating }: Dashboard): Question[] {
  const ofPanels = panels.flatMap(({ title, targets }) =>
    targets.map((target) => ({
      of: `${uid}/${title}/${target.refId}`,
      datasource: target.datasource.uid,
      text: target.expr ?? target.rawSql ?? target.query ?? '',
    })),
  )
  const ofVariables = templating.list.map(({ name, query, datasource: source }) => ({
    of: `${uid}/$${name}`,
    datasource: source?.uid ?? 'nobody',
    text: query,
  }))
  return [...ofPanels, ...ofVariables].filter((question) => question.datasource === datasource)
}

/** Every link of a dashboard, wherever in its file: the fields called `url`. */
export function linksOf({ text }: Dashboard): string[] {
  const links: string[] = []
  JSON.parse(text, (key, value: unknown) => {
    if (key === 'url' && typeof value === 'string') links.push(value)
    return value
  })
  return links
}
