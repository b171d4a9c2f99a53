import { expect, test } from 'vitest'
import { injectFaults, type FaultTarget } from './faults.ts'
import { planFaults, targetKinds } from './plan.ts'

const target = (inject: FaultTarget['inject']): FaultTarget => ({ name: 'fake', state: { isUp: true, since: 0 }, inject })

const faults = planFaults(7, 300_000)

test('a run of some minutes has every kind of fault of every target, the same for the same seed', () => {
  expect(new Set(faults.map(({ kind, target: of }) => `${kind} ${of}`)).size).toBe(5 * targetKinds.length)
  expect(planFaults(7, 300_000)).toEqual(faults)
})

test('a fault that fails ends the run', async () => {
  const broken = target(() => Promise.reject(new Error('not ready')))
  const targets = { stage: [], tracer: [], monitor: [], generator: [], Kafka: [], Postgres: [broken] }
  const now = { ...faults[0], atMs: 0, target: 'Postgres' } as (typeof faults)[number]
  const later = { ...now, atMs: 300_000 }
  const injected = injectFaults({ faults: [now, later], targets, onFault: () => {}, durationMs: 300_000 })
  await expect(injected).rejects.toThrow(expect.objectContaining({ cause: new Error('not ready') }))
})
