import { startChild } from '../../../local/child-process.ts'

export const shell = (script: string, name = 'child') => ({ name, command: '/bin/sh', args: ['-c', script] })
export const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A shell that has written its first line. */
export async function startTalking(script: string) {
  const written = Promise.withResolvers<string>()
  const child = await startChild({ ...shell(script), onLine: written.resolve })
  await written.promise
  return child
}
