/** A dashboard's time range. */
export interface Range {
  readonly from: Date
  readonly to: Date
}

/** The values of a dashboard's variables. */
export type Values = Readonly<Record<string, string>>

/** SQL as Grafana sends it, with macros and variables replaced. */
export function interpolateSql(sql: string, { from, to }: Range, values: Values): string {
  const [since, until] = [`'${from.toISOString()}'`, `'${to.toISOString()}'`]
  const expanded = sql
    .replaceAll('$__timeFrom()', since)
    .replaceAll('$__timeTo()', until)
    .replaceAll(/\$__timeFilter\(([^()]+)\)/g, (_, column) => `${column} BETWEEN ${since} AND ${until}`)
  return interpolate(expanded, values, (value) => `'${value.replaceAll("'", "''")}'`)
}

/** PromQL as Grafana sends it for a chart of 15 minutes and a scrape interval of five seconds. */
export function interpolatePromql(expr: string, values: Values): string {
  const intervals = { __rate_interval: '20s', __interval: '10s' }
  return interpolate(expr, { ...values, ...intervals }, (value) => value)
}

/** @throws {RangeError} for an unknown variable, which Grafana would leave in the text */
function interpolate(text: string, values: Values, quoted: (value: string) => string): string {
  return text.replaceAll(/\$(?:\{(\w+)(:sqlstring)?\}|(\w+))/g, (written, braced, format, bare) => {
    const value = values[String(braced ?? bare)]
    if (value === undefined) throw new RangeError(`No variable or macro ${written}`)
    return format === undefined ? value : quoted(value)
  })
}
