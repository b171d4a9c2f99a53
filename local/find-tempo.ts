import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { UserError } from '../pipeline/user-error.ts'

/**
 * Grafana Tempo on this machine: the one that TEMPO_BIN names, else `tempo` on the PATH.
 * @returns the path of the program; undefined when there is none
 * @throws {UserError} when TEMPO_BIN names something else
 */
export function findTempo(env: NodeJS.ProcessEnv = childEnvironment({})): string | undefined {
  const named = readConfig(env).TEMPO_BIN
  if (named === undefined) {
    const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '')
    return directories.map((directory) => resolve(directory, 'tempo')).find(isProgram)
  }
  if (isProgram(named)) return resolve(named)
  throw new UserError(`TEMPO_BIN is no program that can be run: ${named}`)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
