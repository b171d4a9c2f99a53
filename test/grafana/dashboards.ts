import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface Target {
  readonly refId: string
  readonly datasource: { readonly type: string; readonly uid: string }
  /** Exactly one of PromQL, SQL and a trace id is set. */
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
  /** Overrides the dashboard's time range. */
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
    readonly nodes?: { readonly arcs?: readonly { readonly field: string; readonly color: string }[] }
  }
  readonly transformations?: readonly {
    readonly filter?: { readonly options: string }
    readonly options: { readonly renameByName?: Readonly<Record<string, string>> }
  }[]
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
  readonly datasource?: Target['datasource']
  /** True for a variable that is derived from others and cannot be set by a link. */
  readonly skipUrlSync?: boolean
}

export interface Annotation {
  readonly name: string
  readonly datasource: Target['datasource']
  readonly target?: Pick<Target, 'refId' | 'rawSql'>
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly annotations: { readonly list: readonly Annotation[] }
  readonly links: readonly {
    readonly title: string
    readonly url: string
    readonly keepTime: boolean
  }[]
  /** The text of the file. */
  readonly text: string
}

const directory = join(import.meta.dirname, '..', '..', 'grafana', 'dashboards')

/** The dashboards as parsed from their files. grafana/grafana-schema.test.ts checks them against Grafana's types. */
export const dashboards: readonly Dashboard[] = readdirSync(directory).map((file) => {
  const text = readFileSync(join(directory, file), 'utf8')
  return Object.assign(JSON.parse(text) as Omit<Dashboard, 'text'>, { text })
})

/** A query of a panel, a variable or an annotation. */
export interface Query {
  /** Its panel and refId, such as "pipeline/Where does the time go?/A". */
  readonly of: string
  readonly datasource: string
  readonly text: string
}

/** All queries of a dashboard to one data source. */
export function queriesTo(datasource: string, { uid, panels, templating, annotations }: Dashboard): Query[] {
  const ofPanels = panels.flatMap(({ title, targets }) =>
    targets.map((target) => ({
      of: `${uid}/${title}/${target.refId}`,
      datasource: target.datasource.uid,
      text: target.expr ?? target.rawSql ?? target.query ?? '',
    })),
  )
  const ofVariables = templating.list.map(({ name, query, datasource: source }) => ({
    of: `${uid}/$${name}`,
    datasource: source?.uid ?? 'none',
    text: query,
  }))
  const ofAnnotations = annotations.list.flatMap(({ name, datasource: source, target }) =>
    target?.rawSql === undefined ? [] : [{ of: `${uid}/${name}`, datasource: source.uid, text: target.rawSql }],
  )
  return [...ofPanels, ...ofVariables, ...ofAnnotations].filter((query) => query.datasource === datasource)
}

/** All links of a dashboard: the fields named `url` anywhere in its file. */
export function linksOf({ text }: Dashboard): string[] {
  const links: string[] = []
  JSON.parse(text, (key, value: unknown) => {
    if (key === 'url' && typeof value === 'string') links.push(value)
    return value
  })
  return links
}
