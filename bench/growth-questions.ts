/** A question to Postgres; parameters are put in by `expandSql`, as for dashboards: ${id} is a message. */
export interface Question {
  readonly name: string
  readonly sql: string
}

export const DROP_A_DAY = 'dropping a day beside a writer'

/** Every reporting view and function, restricted as its comment in `sql/` says. */
export const reportingQuestions: readonly Question[] = [
  { name: 'steps of a message', sql: "select * from steps where message_id = '${id}'" },
  {
    name: 'steps of a minute',
    sql: "select count(*), max(sent_at) from steps where queued_at > now() - interval '1 min'",
  },
  { name: 'step_times of a message', sql: "select * from step_times where message_id = '${id}'" },
  {
    name: 'step_times of a minute, by stage',
    sql: `select stage, avg(wait), avg(work), avg(save), avg(publish) from step_times
      where queued_at > now() - interval '1 min' group by stage`,
  },
  {
    name: 'end_to_end, percentiles',
    sql: `select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by seconds) from end_to_end
      where $__timeFilter(finished_at)`,
  },
  {
    name: 'numbers_and_results',
    sql: "select * from numbers_and_results where message_id = '${id}'",
  },
  { name: 'stage_totals', sql: 'select * from stage_totals order by position' },
  { name: 'message_totals', sql: 'select * from message_totals' },
  { name: 'stage_history', sql: 'select * from stage_history where $__timeFilter(at) order by at' },
  {
    name: 'stage_history_between',
    sql: 'select * from stage_history_between($__timeFrom(), $__timeTo())',
  },
  { name: 'stage_now', sql: 'select * from stage_now' },
  { name: 'stage_ledger', sql: 'select * from stage_ledger' },
  { name: 'ledger_history', sql: 'select * from ledger_history where $__timeFilter(at) order by at' },
  {
    name: 'finished_messages, latest',
    sql: 'select * from finished_messages where $__timeFilter(finished_at) order by finished_at desc limit 100',
  },
  { name: 'slowest_messages', sql: 'select * from slowest_messages($__timeFrom(), $__timeTo())' },
  { name: 'sampled_messages', sql: 'select * from sampled_messages($__timeFrom(), $__timeTo())' },
  { name: 'time_by_stage', sql: 'select * from time_by_stage($__timeFrom(), $__timeTo())' },
  {
    name: 'dead_letters, latest',
    sql: 'select * from dead_letters order by computed_at desc limit 20',
  },
  {
    name: 'dead_messages, latest',
    sql: 'select * from dead_messages where $__timeFilter(computed_at) order by computed_at desc limit 100',
  },
  {
    name: 'dead_messages of a stage',
    sql: "select * from dead_messages where stage = 'lcm' and $__timeFilter(computed_at) order by computed_at desc limit 100",
  },
  { name: 'messages, one', sql: "select * from messages where message_id = '${id}'" },
  {
    name: 'messages, latest',
    sql: `select * from messages where message_id between first_id($__timeFrom()) and first_id($__timeTo())
      order by message_id desc limit 100`,
  },
  { name: 'message_asked_for nothing', sql: "select message_asked_for('')" },
  { name: 'foreign_traces', sql: "select * from foreign_traces where trace_id = '${id}'" },
  { name: 'day_partitions', sql: 'select * from day_partitions' },
  { name: 'tracer_position', sql: 'select * from tracer_position' },
  { name: 'message_history', sql: "select * from message_history where message_id = '${id}'" },
  { name: 'message_bars', sql: "select * from message_bars where message_id = '${id}'" },
  { name: 'alerts_delivered', sql: 'select * from alerts_delivered where $__timeFilter(received_at)' },
  { name: 'alerts_firing', sql: 'select * from alerts_firing' },
  {
    name: "the monitor's ledger",
    sql: 'select count(*) from outbox',
  },
]
