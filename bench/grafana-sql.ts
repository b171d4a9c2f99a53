/** What Grafana knows when it asks a panel's question. */
export interface PanelMoment {
  readonly from: Date
  readonly to: Date
  /** How far apart the points of a chart are. */
  readonly intervalMs: number
  /** The dashboard's variables; several values where several are chosen. */
  readonly variables: Readonly<Record<string, string | readonly string[]>>
}

/**
 * The SQL that Postgres gets for what a panel says: variables first, then macros, as Grafana does it.
 * https://grafana.com/docs/grafana/latest/datasources/postgres/query-editor/#macros
 * @throws {RangeError} for a variable or macro that nobody knows
 */
export function expandSql(sql: string, moment: PanelMoment): string {
  const withVariables = sql.replaceAll(
    VARIABLE,
    (whole, braced?: string, format?: string, plain?: string) => {
      const name = braced ?? plain ?? ''
      const value = moment.variables[name] ?? builtIn(name, moment)
      if (value === undefined) throw new RangeError(`The dashboard has no variable ${whole}`)
      return formatted(value, format)
    },
  )
  return withVariables.replaceAll(MACRO, (whole, name: string, text: string) => {
    const expanded = macro(name, splitArguments(text), moment)
    if (expanded === undefined) throw new RangeError(`Grafana has no macro ${whole}`)
    return expanded
  })
}

/** ${name}, ${name:format}, $name and built-in ones such as $__from; not macros, which have parentheses, nor $1. */
const VARIABLE = /\$\{(\w+)(?::([\w:-]+))?\}|\$([a-z_]\w*)\b(?!\()/gi

/** With one level of parentheses inside: $__timeFilter(to_timestamp(x)). */
const MACRO = /\$__(\w+)\(((?:[^()]|\([^()]*\))*)\)/g

function builtIn(name: string, { from, to, intervalMs }: PanelMoment): string | undefined {
  const rangeMs = to.getTime() - from.getTime()
  const known: Readonly<Record<string, string>> = {
    __from: String(from.getTime()),
    __to: String(to.getTime()),
    __interval: `${intervalMs / 1000}s`,
    __interval_ms: String(intervalMs),
    __range: `${Math.round(rangeMs / 1000)}s`,
    __range_s: String(Math.round(rangeMs / 1000)),
    __range_ms: String(rangeMs),
  }
  return known[name]
}

function formatted(value: string | readonly string[], format?: string): string {
  const values = typeof value === 'string' ? [value] : value
  const quoted = values.map((one) => `'${one.replaceAll("'", "''")}'`).join(',')
  if (format === 'sqlstring' || format === 'singlequote') return quoted
  if (format !== undefined) return values.join(',')
  // One value is put in as it is, several as a list for "in (...)".
  return typeof value === 'string' ? value.replaceAll("'", "''") : quoted
}

function splitArguments(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((one) => one.trim())
}

function macro(name: string, args: readonly string[], { from, to }: PanelMoment): string | undefined {
  const [column = '', interval = ''] = args
  const [since, until] = [`'${from.toISOString()}'`, `'${to.toISOString()}'`]
  const [first, last] = [from, to].map((time) => Math.floor(time.getTime() / 1000))
  const group = (seconds: string) => {
    const step = secondsOf(interval)
    return `floor(${seconds} / ${step}) * ${step}`
  }
  switch (name) {
    case 'time':
      return `${column} AS "time"`
    case 'timeEpoch':
      return `extract(epoch from ${column}) AS "time"`
    case 'timeFilter':
      return `${column} BETWEEN ${since} AND ${until}`
    case 'timeFrom':
      return since
    case 'timeTo':
      return until
    case 'timeGroup':
      return group(`extract(epoch from ${column})`)
    case 'timeGroupAlias':
      return `${group(`extract(epoch from ${column})`)} AS "time"`
    case 'unixEpochFilter':
      return `${column} >= ${first} AND ${column} <= ${last}`
    case 'unixEpochFrom':
      return String(first)
    case 'unixEpochTo':
      return String(last)
    case 'unixEpochGroup':
      return group(column)
    case 'unixEpochGroupAlias':
      return `${group(column)} AS "time"`
    default:
      return undefined
  }
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** '5m', with or without quotes, in seconds. */
function secondsOf(interval: string): number {
  const [, amount, unit = ''] = /^'?([\d.]+)(ms|[smhdw])'?$/.exec(interval) ?? []
  const each = SECONDS[unit]
  if (each === undefined) throw new RangeError(`This is no interval: ${interval}`)
  return Number(amount) * each
}
