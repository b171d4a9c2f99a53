import { join } from 'node:path'

/**
 * How much memory Node's heap may take in a process of the pipeline, as flags of Node. Compose gives the same by
 * NODE_OPTIONS: what the demo shows and the bench measures is what containers run.
 */
export const heapSizes: readonly string[] = ['--max-old-space-size=72', '--max-semi-space-size=4']

/**
 * How V8 tidies a heap of that size, as the image says behind its ENTRYPOINT, since NODE_OPTIONS takes no such flags. By
 * itself V8 looks at the whole of a small heap whenever it has grown by 30 %, and shares even the smallest task among
 * threads that then wait for a processor: a quarter of what a stage took at full speed.
 */
export const tidying: readonly string[] = ['--heap-growing-percent=100', '--no-parallel-scavenge']

export const heapFlags: readonly string[] = [...heapSizes, ...tidying]

/**
 * The environment that the image gives every process: one arena of glibc for all threads saves 2 MB, and what Node has compiled
 * is kept, since stripping types and compiling anew takes 20 MB.
 */
export const memoryVariables = {
  MALLOC_ARENA_MAX: '1',
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '.cache', 'compiled'),
}
