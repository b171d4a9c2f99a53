/**
 * How much memory Node's heap may take in a process of the pipeline, as flags of Node. Compose gives the same by
 * NODE_OPTIONS: what the demo shows and the bench measures is what containers run.
 */
export const heapFlags: readonly string[] = ['--max-old-space-size=64', '--max-semi-space-size=2']
