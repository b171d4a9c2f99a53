import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { runMonitorThatSaysOk } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

const running = new AsyncDisposableStack()
/** Every signal of a scenario is prevented: the monitor always says OK, and triggers change what rows say. */
let pipeline: FreshPipeline

beforeAll(async () => {
  pipeline = running.use(await freshPipeline({ SCENARIOS: 'on', GRAFANA_URL: 'http://127.0.0.1:1' }))
  running.use(runStages(pipeline))
  running.use(runMonitorThatSaysOk(pipeline))
  await pipeline.database.query(triggers)
})
afterAll(() => running.disposeAsync())

/** The fault of flaky-stage does nothing, a reason is another one, and neither entries nor duplicates are counted. */
const triggers = `
create function harmless() returns trigger language plpgsql as $$ begin
  if new.fault = 'flaky' then new.setting := '{"share": 0}'; end if; return new;
end $$;
create trigger harmless before insert on scenarios for each row execute function harmless();
create function other_reason() returns trigger language plpgsql as $$ begin
  if new.reason = 'not-json' then new.reason := 'stage-failed'; end if; return new;
end $$;
create trigger other_reason before insert on results for each row execute function other_reason();
create function not_counted() returns trigger language plpgsql as $$ begin
  new.entered := 0; new.duplicates := 0; return new;
end $$;
create trigger not_counted before insert or update on counters for each row execute function not_counted();`

async function expectMissed(name: string, missed: string): Promise<void> {
  const { code, stdout } = await throughline(['scenario', name], { env: pipeline.env })
  expect(code).toBe(1)
  expect(stdout.replaceAll(/\n {12}/g, ' ')).toMatch(new RegExp(`^NOT SEEN {4}.*${missed}`, 'm'))
  expect(stdout).toMatch(new RegExp(`^${name}:  1 of \\d+ not seen$`, 'm'))
}

// Messages of these must not wait at stages that the others slow down.
describe('without a fault', () => {
  test.concurrent.each([
    ['poison', 'a dead letter at add: not-json'],
    ['duplicates', '100 duplicates are dropped'],
    ['burst', 'at least 500 more messages are in flight'],
  ])('%s is judged as not seen where "%s" is prevented', expectMissed)
})

describe('with a fault', () => {
  test.concurrent.each([
    ['slow-stage', 'the verdict of lcm is FALLING BEHIND'],
    ['stop-stage', 'the verdict of sine is STOPPED'],
    ['flaky-stage', 'at least 5 attempts of multiply fail'],
    ['hot-partition', 'and its sentence names partition 0'],
  ])('%s is judged as not seen where "%s" is prevented', expectMissed)
})
