import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { databaseMistake } from './database-mistake.ts'

const config = readConfig({})
const coded = (code: string) => Object.assign(new Error('as the server says it'), { code })

test.each([
  [
    coded('ECONNREFUSED'),
    /^Nothing answers at localhost:15432: start `npm run demo` or .* set DB_HOST and DB_PORT\.$/,
  ],
  [new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), /^Nothing answers at localhost:15432/],
  [new Error('timeout expired'), /^Nothing answers/],
  [new Error('timeout exceeded when trying to connect'), /^Nothing answers/],
  [new Error('Connection terminated unexpectedly'), /^Nothing answers/],
  [coded('ENOTFOUND'), /host localhost: set DB_HOST/],
  [coded('42P01'), /lacks the tables: run `npx throughline migrate`/],
  [coded('28P01'), /does not let the user flow in: set DB_USER and DB_PASSWORD/],
  [coded('3D000'), /no database flow_results: create it, or set DB_NAME/],
  [coded('57P03'), /try again in a moment/],
  [new Error('The server does not support SSL connections'), /DB_SSLMODE=disable/],
])('%s is a sentence that says what to do', (error, sentence) => {
  const mistake = databaseMistake(error, config)
  expect(mistake).toBeInstanceOf(UserError)
  expect(mistake?.message).toMatch(sentence)
  expect(mistake?.cause).toBe(error)
})

test('what nobody at the keyboard can mend is no mistake of theirs', () => {
  expect(databaseMistake(coded('23505'), config)).toBeUndefined()
  expect(databaseMistake(new TypeError('x is not a function'), config)).toBeUndefined()
  expect(databaseMistake('not an error', config)).toBeUndefined()
})
