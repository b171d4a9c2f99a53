/** What a URL of Postgres may say. */
export interface DatabaseUrl {
  readonly DB_HOST: string
  readonly DB_PORT: string
  readonly DB_NAME?: string
  readonly DB_USER?: string
  readonly DB_PASSWORD?: string
  readonly DB_SSLMODE?: string
  readonly DB_SSLROOTCERT?: string
}

const parameters: Readonly<Record<string, 'DB_SSLMODE' | 'DB_SSLROOTCERT'>> = {
  sslmode: 'DB_SSLMODE',
  sslrootcert: 'DB_SSLROOTCERT',
}

/**
 * Reads a URL such as postgresql://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full&sslrootcert=FILE. All but the host may be
 * missing; the port is 5432 then.
 * @returns what is wrong with it, when something is
 */
export function readDatabaseUrl(text: string): DatabaseUrl | string {
  const url = URL.parse(text)
  // A URL may have a percent sign that is no escape.
  const isEscaped = !/%(?![\da-f]{2})/i.test(text)
  // An unescaped /, ? or # in a password ends the host before it: an @ is left behind, or a fragment.
  const isCut = url !== null && (url.hash !== '' || `${url.pathname}${url.search}`.includes('@'))
  if (url === null || isCut || !isEscaped || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '') {
    return 'expected postgresql://USER:PASSWORD@HOST:5432/NAME, with special characters as %XX'
  }
  const unknown = url.searchParams.keys().find((name) => !Object.hasOwn(parameters, name))
  if (unknown !== undefined) return `expected no parameters but ${Object.keys(parameters).join(' and ')}, not ${unknown}`
  const rest = {
    DB_NAME: decodeURIComponent(url.pathname.slice(1)),
    DB_USER: decodeURIComponent(url.username),
    DB_PASSWORD: decodeURIComponent(url.password),
    ...Object.fromEntries([...url.searchParams].map(([name, value]) => [parameters[name], value])),
  }
  return {
    DB_HOST: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    DB_PORT: url.port || '5432',
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== '')),
  }
}
