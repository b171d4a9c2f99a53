import { join } from 'node:path'
import type { ChildOptions } from '../local/child-process.ts'

const cwd = join(import.meta.dirname, '..')

/** A process of the project as a child, run from the sources under the Node that runs us. `args`: a script and its own. */
export function script(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return { name: args.join(' '), command: process.execPath, args, cwd, env }
}

/** What a person would type behind `throughline`. */
export function throughline(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return script(['cli/throughline.ts', ...args], env)
}
