import { join } from 'node:path'
import { type Child, type ChildOptions, startChild } from './child-process.ts'

/**
 * Limits of Node's heap in a process of the pipeline. Compose sets the same by NODE_OPTIONS, so that demo and bench run what
 * containers run. A larger young generation (semi-space) was measured by `npm run bench -- drain --only untraced`, three rounds
 * each: the stages' processor time by the broker's, and the peak of a stage. 4 MB: 5.0, 128 MB. 8 MB: 4.9, 135 MB. 16 MB: 4.9,
 * 148 MB. 32 MB: 12, 164 MB, since it leaves too little of the old space. So the smallest was chosen.
 */
export const heapSizeFlags: readonly string[] = ['--max-old-space-size=72', '--max-semi-space-size=4']

/**
 * V8's garbage collection with a heap of that size; NODE_OPTIONS accepts no such flags, so the image has them in its ENTRYPOINT.
 * By default V8 marks the whole of a small heap after every growth by 30 %, and splits even the smallest collection among
 * threads that then wait for a processor: a quarter of a stage's processor time at full speed.
 */
export const gcFlags: readonly string[] = ['--heap-growing-percent=100', '--no-parallel-scavenge']

export const nodeFlags: readonly string[] = [...heapSizeFlags, ...gcFlags]

/**
 * The environment that the image sets, too: one malloc arena for all threads saves 2 MB; large buffers in mappings of
 * their own go back to the system when they are freed, so that a million large messages leave no gaps; and the compile cache
 * saves the 20 MB that stripping types and compiling take.
 */
const memoryVariables = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '131072',
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '.cache', 'compiled'),
}

export interface ThroughlineOptions extends Pick<ChildOptions, 'name' | 'args' | 'onLine'> {
  /** The whole environment of the process. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * A script of the project as a child process, with the image's flags, under the Node that runs this process.
 * @param args more flags of Node if any, the script and its arguments
 * @param env the whole environment of the process
 */
export function script(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return {
    name: args.join(' '),
    command: process.execPath,
    args: [...nodeFlags, ...args],
    cwd: join(import.meta.dirname, '..'),
    env: { ...memoryVariables, ...env },
  }
}

/**
 * Starts `throughline ARGS` from the sources.
 * @param options with the arguments of `throughline`: ['run', 'add']
 */
export function startThroughline(options: ThroughlineOptions): Promise<Child> {
  const { name, args, env } = options
  return startChild({ ...options, ...script(['cli/throughline.ts', ...args], env), name })
}
