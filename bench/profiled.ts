import type { Bench } from './part.ts'
import type { StageCommand } from './stage-processes.ts'

/** The same command, with a profile of its processor time written at its end where the bench is asked for that. */
export function profiled({ stage, args }: StageCommand, { profiles }: Bench): StageCommand {
  if (profiles === undefined) return { stage, args }
  const name = `--cpu-prof-name=${stage}-${Date.now()}.cpuprofile`
  return { stage, args: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, name, ...args] }
}
