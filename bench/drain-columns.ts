import type { Column } from './report.ts'

/** What a drain measures, as columns; those without a figure are left out of the table. */
export const drainColumns: readonly Column[] = [
  { key: 'finished', title: 'finished/s' },
  { key: 'stagesCpu', title: 'CPU us a message: stages' },
  { key: 'tracerCpu', title: 'tracer' },
  { key: 'PostgresCpu', title: 'Postgres' },
  { key: 'brokerCpu', title: 'broker' },
  { key: 'TempoCpu', title: 'Tempo' },
  { key: 'stageMemory', title: 'peak MB of a stage' },
  { key: 'tracerSeconds', title: 'tracer done after s', digits: 1 },
  { key: 'spansExported', title: 'spans exported' },
  { key: 'spansReceived', title: 'received' },
  { key: 'spansDiscarded', title: 'discarded' },
  { key: 'tracesWhole', title: 'whole of 500' },
  { key: 'benchShare', title: 'bench, % of the machine', digits: 1 },
  { key: 'otherShare', title: 'others, %', digits: 1 },
]

export const drainNote =
  'finished/s is from the beginning of the first message at the first stage to the last finish. The first stage is ' +
  'started last, when the others wait for it. CPU is of the processes with their children, divided by all messages: of the ' +
  'stages from the first batch that is done until the last message has finished, of all others until the tracer has nothing ' +
  'left; so are the shares of the bench itself and of whatever else ran on the machine. Peak MB is the largest of all stage ' +
  'processes, start-up included.'
