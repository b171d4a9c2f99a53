import { join } from 'node:path'

/**
 * How much memory Node's heap may take in a process of the pipeline, as flags of Node. Compose gives the same by
 * NODE_OPTIONS: what the demo shows and the bench measures is what containers run.
 */
export const heapFlags: readonly string[] = ['--max-old-space-size=72', '--max-semi-space-size=4']

/** Where Node keeps what it compiled, as the image does: whoever strips types and compiles anew needs 20 MB for it. */
export const compileCache = { NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '.cache', 'compiled') }
