import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** For tests: a program at `path` that runs the lines of a shell script instead of doing its work. */
export async function fakeProgram(path: string, ...lines: string[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 })
}
