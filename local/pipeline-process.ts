import { join } from 'node:path'
import { type Child, startChild } from './child-process.ts'
import { memoryVariables, heapFlags } from './lean-node.ts'

export interface PipelineProcess {
  /** Marks its lines, and names it in errors: "add", "generator". */
  readonly name: string
  /** What a person would type behind `throughline`: ['run', 'add']. */
  readonly args: readonly string[]
  /** The whole environment of the process. */
  readonly env: NodeJS.ProcessEnv
  /** Gets each line that the process writes. */
  readonly onLine?: ((line: string) => void) | undefined
}

/** Starts one process of the pipeline from the sources, as the image does, under the Node that runs us. */
export function startProcess({ name, args, env, onLine }: PipelineProcess): Promise<Child> {
  const cwd = join(import.meta.dirname, '..')
  return startChild({
    name,
    command: process.execPath,
    args: [...heapFlags, 'cli/throughline.ts', ...args],
    cwd,
    env: { ...memoryVariables, ...env },
    onLine,
  })
}
