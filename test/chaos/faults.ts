import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Target } from './plan.ts'
import type { Victim } from './victims.ts'

export interface FaultsOptions {
  readonly faults: readonly Fault[]
  readonly victims: Readonly<Record<Target, readonly Victim[]>>
  /** Told as a fault begins. */
  readonly onFault: (fault: Fault, victim: string) => void
  readonly durationMs: number
}

/**
 * Lets the faults happen, each at its time; several processes may suffer at once, one process suffers one after the other.
 * Resolves after `durationMs`, when all are awake and ready again.
 */
export async function letFaultsHappen({
  faults,
  victims,
  onFault,
  durationMs,
}: FaultsOptions): Promise<void> {
  const begin = performance.now()
  const until = (ms: number) => sleep(Math.max(0, begin + ms - performance.now()))
  const suffering = new Map<Victim, Promise<void>>()
  for (const fault of faults) {
    const choice = victims[fault.target]
    const victim = choice[Math.floor(fault.which * choice.length)] as Victim
    await until(fault.atMs)
    const earlier = suffering.get(victim) ?? Promise.resolve()
    const suffer = async () => {
      await earlier
      onFault(fault, victim.name)
      await victim.suffer(fault)
    }
    suffering.set(victim, suffer())
  }
  await until(durationMs)
  await Promise.all(suffering.values())
}
