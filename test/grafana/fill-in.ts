/** The range of time that a dashboard shows. */
export interface Range {
  readonly from: Date
  readonly to: Date
}

/** What the variables of a dashboard are set to. */
export type Values = Readonly<Record<string, string>>

/** SQL as Grafana sends it: its macros expanded, its variables put in. */
export function fillInSql(sql: string, { from, to }: Range, values: Values): string {
  const [since, until] = [`'${from.toISOString()}'`, `'${to.toISOString()}'`]
  const expanded = sql
    .replaceAll('$__timeFrom()', since)
    .replaceAll('$__timeTo()', until)
    .replaceAll(/\$__timeFilter\(([^()]+)\)/g, (_, column) => `${column} BETWEEN ${since} AND ${until}`)
  return fillIn(expanded, values, (value) => `'${value.replaceAll("'", "''")}'`)
}

/** PromQL as Grafana sends it for a chart of a quarter of an hour of what is scraped every five seconds. */
export function fillInPromql(expr: string, values: Values): string {
  const intervals = { __rate_interval: '20s', __interval: '10s' }
  return fillIn(expr, { ...values, ...intervals }, (value) => value)
}

/** @throws {RangeError} for a variable that nobody has set, which Grafana would leave as it stands */
function fillIn(text: string, values: Values, quoted: (value: string) => string): string {
  return text.replaceAll(/\$(?:\{(\w+)(:sqlstring)?\}|(\w+))/g, (written, braced, format, bare) => {
    const value = values[String(braced ?? bare)]
    if (value === undefined) throw new RangeError(`No variable or macro ${written}`)
    return format === undefined ? value : quoted(value)
  })
}
