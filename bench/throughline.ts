import { join } from 'node:path'
import type { ChildOptions } from '../local/child-process.ts'
import { memoryVariables, heapFlags } from '../local/lean-node.ts'

const cwd = join(import.meta.dirname, '..')

/**
 * A process of the project as a child, run from the sources under the Node that runs us, with the heap that it has in a
 * container. `args`: more flags of Node if any, a script and its own arguments.
 */
export function script(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return {
    name: args.join(' '),
    command: process.execPath,
    args: [...heapFlags, ...args],
    cwd,
    env: { ...memoryVariables, ...env },
  }
}

/** What a person would type behind `throughline`. */
export function throughline(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return script(['cli/throughline.ts', ...args], env)
}
