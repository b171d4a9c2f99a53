import type { Admin } from '../../../kafka/client.ts'
import type { Config } from '../../../pipeline/config.ts'
import type { Database } from '../../../sql/database.ts'
import { endTopics, routes } from '../../../pipeline/route.ts'
import { readBacklog } from '../../../kafka/backlog.ts'

/** Each query returns a sentence for every inconsistency. */
const queries = [
  // Counters against rows, by stage and partition.
  `with summed as (
     select stage, partition, sum(entered) as entered, sum(processed) as processed, sum(dead) as dead
     from counters group by stage, partition
   ), counted as (
     select stage, partition, count(*) filter (where kind = 'entered') as entered,
       count(*) filter (where kind = 'processed') as processed, count(*) filter (where kind = 'dead') as dead
     from (
       select stage, partition, 'entered' as kind from inputs
       union all
       select stage, partition, case when reason is null then 'processed' else 'dead' end from results
     ) each group by stage, partition
   )
   select format('The counters of %s/%s have %s entered, %s processed, %s dead; the rows have %s, %s, %s.',
     stage, partition, c.entered, c.processed, c.dead, r.entered, r.processed, r.dead) as problem
   from summed c full join counted r using (stage, partition)
   where (c.entered, c.processed, c.dead) is distinct from (r.entered, r.processed, r.dead)`,

  // waiting at a stage = arrived from the one before + entered here - processed - dead
  `select format('By the counters, %s messages are waiting at %s.', waiting, stage) as problem
   from (
     select stage, arrived + entered - processed - dead as waiting from stage_totals
   ) s where waiting <> 0`,

  `select format('The counters have %s finished; the table has %s.', sum(finished), (select count(*) from finished)) as problem
   from counters having sum(finished) <> (select count(*) from finished)`,

  `select format('%s rows have a stage that is not in the catalogue.', count(*)) as problem
   from results where stage not in (select name from stages) having count(*) > 0`,

  `select format('%s messages of the outbox are not marked as published.', count(*)) as problem
   from outbox having count(*) > 0`,

  `select format('Message %s at %s: wait %s, work %s, save %s, publish %s.', message_id, stage, wait, work, save, publish)
     as problem
   from step_times where least(wait, work, save, publish) < 0`,

  // Missing times would not make any part negative.
  `select format('Message %s has no time at %s.', message_id, stage) as problem
   from steps where outcome = 'processed' and (sent_at is null or next_queued_at is null)`,

  `select format('Message %s has several times of entry.', message_id) as problem
   from steps group by message_id, attempt
   having min(entered_at) <> max(entered_at) or min(entered_at) <> min(queued_at)`,
]

/** Compares the counters and views of the database with its rows. Returns the problems. */
export async function checkLedger(database: Database): Promise<string[]> {
  const problems: string[] = []
  for (const query of queries) {
    const { rows } = await database.query<{ problem: string }>(query)
    problems.push(...rows.map(({ problem }) => problem))
  }
  return problems
}

/** The backlog of the stages and the tracer by their consumer groups' offsets, a sentence for each partition. */
export async function findBacklog(admin: Admin, config: Config): Promise<string[]> {
  const { group, topics } = endTopics(config)
  const problems: string[] = []
  for (const reader of [...routes(config), ...topics.map((source) => ({ group, source }))]) {
    for (const { partition, end, committed, waiting } of await readBacklog(admin, reader)) {
      if (waiting === 0n) continue
      problems.push(`${reader.group} has committed ${committed} of ${end} of ${reader.source}/${partition}.`)
    }
  }
  return problems
}
