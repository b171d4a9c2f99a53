import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A program at `path` that runs the lines of a shell script in place of the real one. */
export async function fakeProgram(path: string, ...lines: string[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 })
}
