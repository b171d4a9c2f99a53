import type { Config } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'

/** What a person can do about an error of Postgres or on the way to it; undefined when it is nobody's mistake. */
export function databaseMistake(error: unknown, config: Config): UserError | undefined {
  const sentence = error instanceof Error ? sentenceFor(error, config) : undefined
  return sentence === undefined ? undefined : new UserError(sentence, { cause: error })
}

function sentenceFor(error: Error, config: Config): string | undefined {
  const place = `${config.DB_HOST}:${config.DB_PORT}`
  switch (codeOf(error)) {
    case '42P01':
    case '42703':
      return `The database ${config.DB_NAME} at ${place} lacks the tables: run \`npx throughline migrate\`.`
    case '28P01':
    case '28000':
      return `Postgres at ${place} does not let the user ${config.DB_USER} in: set DB_USER and DB_PASSWORD.`
    case '3D000':
      return `Postgres at ${place} has no database ${config.DB_NAME}: create it, or set DB_NAME.`
    case '57P01':
    case '57P02':
    case '57P03':
      return `Postgres at ${place} is starting or stopping: try again in a moment.`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `Nobody knows the host ${config.DB_HOST}: set DB_HOST.`
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return nothingAnswers(place)
    default:
      break
  }
  if (error.message.includes('does not support SSL')) {
    return `Postgres at ${place} speaks no TLS: set DB_SSLMODE=disable, or let it speak TLS.`
  }
  // pg has no codes for these two.
  return /connection terminated|timeout e/i.test(error.message) ? nothingAnswers(place) : undefined
}

function nothingAnswers(place: string): string {
  return `Nothing answers at ${place}: start \`npm run demo\` or \`docker compose up\`, or set DB_HOST and DB_PORT.`
}

/** "localhost" is two addresses: when both refuse, Node throws the two errors as one that has the code of the first. */
function codeOf(error: Error): string | undefined {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : []
  const { code } = (first ?? error) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
