import type { Child } from './child-process.ts'

/** A person's Ctrl-C, or the end of the terminal. */
export const interruption = new Error('Interrupted')

/** The demo does not show what it should. The message is for a person: no stack trace, exit code 1. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure'
}

const SHOWN_LINES = 15

export interface Watched extends Pick<Child, 'name' | 'exited' | 'lastLines'> {
  /** Whether it may end when its work is done. */
  readonly mayFinish?: boolean
}

/** Ends the demo when a process ends before everything is over; an end after that is wanted. */
export function mustLive(process: Watched, ending: AbortController): void {
  void watch(process, ending)
}

async function watch({ name, exited, lastLines, mayFinish }: Watched, ending: AbortController) {
  const { code, signal } = await exited
  if (ending.signal.aborted || (mayFinish && code === 0)) return
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`
  const lines = lastLines().split('\n').slice(-SHOWN_LINES)
  ending.abort(new DemoFailure([`${name} has ended ${how}. Its last lines:`, ...lines].join('\n')))
}
