// Grafana's published dashboard types, adapted to JSON. The test writes each dashboard into a TypeScript file as a value of
// `CheckedDashboard`, so the compiler finds options that Grafana does not know.
import type { AnnotationQuery, Dashboard, FieldConfig, FieldConfigSource, Panel } from '@grafana/schema'
import type { TableFieldOptions, TableOptions } from '@grafana/schema'
import type * as bars from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen'
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen'
import type * as nodegraph from '@grafana/schema/dist/esm/raw/composable/nodegraph/panelcfg/x/NodeGraphPanelCfg_types.gen'
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type * as timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen'
import type * as lines from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'

/** The JSON form of a type: strings and numbers instead of enum members. */
type Json<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer Value extends number}`
      ? Value
      : number
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T

interface Query<Type, Uid> {
  refId: string
  datasource: { type: Type; uid: Uid }
}

interface PrometheusQuery extends Query<'prometheus', 'prometheus'> {
  editorMode: 'code'
  expr: string
  range: true
  instant: false
  legendFormat?: string
  format?: 'heatmap'
  exemplar?: boolean
}

interface PostgresQuery extends Query<'grafana-postgresql-datasource', 'postgres'> {
  editorMode: 'code'
  rawQuery: true
  format: 'table' | 'time_series'
  rawSql: string
}

interface TempoQuery extends Query<'tempo', 'tempo'> {
  queryType: 'traceql'
  query: string
  filters: never[]
}

interface Link {
  title: string
  url: string
  targetBlank?: true
}

/** The display options of a field. */
type Field<Custom> = Omit<Json<FieldConfig>, 'custom' | 'links'> & { custom?: Custom; links?: Link[] }

/** An override's properties as fields, because Grafana's own type allows any string as a property name. */
interface Override<Custom> {
  matcher: { id: 'byName' | 'byRegexp'; options: string }
  sets: Omit<Field<Custom>, 'custom'> & { custom?: Partial<Custom> }
}

/** A panel type with its own options. */
type PanelOf<Type extends string, Options, Custom = never> = Omit<
  Json<Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets'
> & {
  type: Type
  title: string
  description: string
  options: Options
  fieldConfig: Omit<Json<FieldConfigSource>, 'defaults' | 'overrides'> & {
    defaults: Field<Custom>
    overrides: Override<Custom>[]
  }
  targets: (PrometheusQuery | PostgresQuery | TempoQuery)[]
}

/** Grafana publishes no type for these; the names are from its documentation. */
interface AlertListOptions {
  viewMode: 'list' | 'stat'
  groupMode: 'default' | 'custom'
  groupBy: string[]
  maxItems: number
  sortOrder: 1 | 2 | 3 | 4 | 5
  dashboardAlerts: boolean
  alertName: string
  alertInstanceLabelFilter: string
  showInstances: boolean
  stateFilter: Record<'firing' | 'pending' | 'noData' | 'normal' | 'error', boolean>
}

type CheckedPanel =
  | PanelOf<'stat', Json<Omit<stat.Options, 'wideLayout' | 'showPercentChange' | 'percentChangeColorMode'>>>
  | PanelOf<'table', Json<TableOptions>, Json<TableFieldOptions>>
  | PanelOf<'barchart', Json<bars.Options>, Json<bars.FieldConfig>>
  | PanelOf<'heatmap', Json<heatmap.Options>, Json<heatmap.FieldConfig>>
  | PanelOf<'state-timeline', Json<timeline.Options>, Json<timeline.FieldConfig>>
  | PanelOf<'timeseries', Json<lines.Options>, Json<lines.FieldConfig>>
  | PanelOf<'nodeGraph', Json<nodegraph.Options>>
  | PanelOf<'traces', Record<string, never>>
  | PanelOf<'alertlist', AlertListOptions>

/** Grafana's own type of the target knows no fields of a data source. */
interface CheckedAnnotation extends Omit<Json<AnnotationQuery>, 'target'> {
  target?: Omit<PostgresQuery, 'datasource'>
}

export type CheckedDashboard = Omit<Json<Dashboard>, 'panels' | 'annotations'> & {
  uid: string
  title: string
  annotations: { list: CheckedAnnotation[] }
  panels: CheckedPanel[]
}
