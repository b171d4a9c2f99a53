import { readFile } from 'node:fs/promises'
import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './run-to-end.ts'

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * Whom root runs Postgres as, which refuses to run as root; undefined for everybody else.
 * @throws {UserError} when root finds nobody
 */
export async function unprivilegedUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = accounts.find(([account]) => account === name) ?? []
    if (uid !== undefined && gid !== undefined) return { name, uid: Number(uid), gid: Number(gid) }
  }
  throw new UserError(
    'Postgres refuses to run as root, and there is no user postgres or nobody: become an ordinary user.',
  )
}

/** Whether a user reaches a file or directory and may do `what` with it, one of the questions of test(1): "-w", "-x". */
export async function may(user: SystemUser, what: '-w' | '-x', path: string): Promise<boolean> {
  const answer = runToEnd({ name: 'test', command: 'test', args: [what, path], cwd: '/', user })
  return answer.then(
    () => true,
    () => false,
  )
}
