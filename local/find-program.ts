import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'

/** The programs that are made use of where they are installed, and the variables that name them when they lie elsewhere. */
const variables = { tempo: 'TEMPO_BIN', prometheus: 'PROMETHEUS_BIN', grafana: 'GRAFANA_BIN' } as const

export type Program = keyof typeof variables

/**
 * A program on this machine: the one that its variable names, such as TEMPO_BIN, else the one on the PATH.
 * @returns its path; undefined when there is none
 * @throws {UserError} when the variable names something else
 */
export function findProgram(
  program: Program,
  env: NodeJS.ProcessEnv = childEnvironment({}),
): string | undefined {
  const variable = variables[program]
  const named = readConfig(env)[variable]
  if (named === undefined) {
    const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '')
    return directories.map((directory) => resolve(directory, program)).find(isProgram)
  }
  if (isProgram(named)) return resolve(named)
  throw new UserError(`${variable} is no program that can be run: ${named}`)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
