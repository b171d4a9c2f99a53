import type { Column } from './report.ts'

/** What a drain measures, as columns; those without a figure are left out of the table. */
export const drainColumns: readonly Column[] = [
  { key: 'finished', title: 'finished/s' },
  { key: 'finishedFromStart', title: 'from the first begun, /s' },
  { key: 'stagesCpu', title: 'CPU us a message: stages' },
  { key: 'postgresCpu', title: 'Postgres' },
  { key: 'brokerCpu', title: 'broker' },
  { key: 'backendCpu', title: 'backend' },
  { key: 'spansExpected', title: 'spans' },
  { key: 'spansLost', title: 'spans lost' },
  { key: 'spansGivenUp', title: 'given up by stages' },
  { key: 'stageMemory', title: 'peak MB of a stage' },
  { key: 'startSeconds', title: 'start-up s', digits: 1 },
]

export const drainNote =
  'finished/s is from the first finish to the last, as the broker stamps them; "from the first begun" counts from the ' +
  'moment when the first stage began its first message, so the filling of the pipeline is in it. CPU is of the processes ' +
  'with their children from the first row to the last, divided by all messages; start-up, until the first row, is not in ' +
  'it. Peak MB is the largest of all stage processes, start-up included.'
