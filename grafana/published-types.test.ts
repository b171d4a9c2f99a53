import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dashboards } from '../test/grafana/dashboards.ts'

// Within the project, so that the compiler finds Grafana's types, and where nobody else looks.
const cache = join(import.meta.dirname, '..', '.cache')
let directory: string
beforeAll(async () => {
  await mkdir(cache, { recursive: true })
  directory = await mkdtemp(join(cache, 'typed-'))
  const settings = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] }
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(settings))
})
afterAll(() => rm(directory, { recursive: true }))

interface Override {
  readonly matcher: unknown
  readonly properties: readonly { readonly id: string; readonly value: unknown }[]
}

/** Grafana before 10 calls these so; the newer names stand beside them. */
const older = new Set(['custom.displayMode', 'custom.hidden'])

/** "unit" and "custom.width" become fields, as Grafana sets them. */
function fieldOf({ matcher, properties }: Override) {
  const known = properties.filter(({ id }) => !older.has(id)).map(({ id, value }) => [id, value] as const)
  const own = known.flatMap(([id, value]) =>
    id.startsWith('custom.') ? [[id.slice(7), value] as const] : [],
  )
  const common = known.filter(([id]) => !id.startsWith('custom.'))
  const custom = own.length > 0 && { custom: Object.fromEntries(own) }
  return { matcher, sets: { ...Object.fromEntries(common), ...custom } }
}

/** The same dashboard with a field for each override. */
function withFields(text: string): string {
  const dashboard: unknown = JSON.parse(text, (key, value: unknown) =>
    key === 'overrides' ? (value as Override[]).map(fieldOf) : value,
  )
  return JSON.stringify(dashboard, null, 2)
}

/** What the compiler says of a dashboard that is written as a value of Grafana's type. */
async function complaintsAbout(name: string, text: string): Promise<string> {
  const typed = `import type { CheckedDashboard } from '../../test/grafana/published-types.ts'\nexport const it: CheckedDashboard = ${withFields(text)}`
  await writeFile(join(directory, `${name}.ts`), typed)
  const compiler = join(import.meta.dirname, '..', 'node_modules', 'typescript', 'bin', 'tsc')
  const run = promisify(execFile)(process.execPath, [compiler, '-p', directory])
  const output = await run.then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
  await rm(join(directory, `${name}.ts`))
  return output
}

test('each dashboard is one by the types that Grafana publishes', { timeout: 60_000 }, async () => {
  for (const { uid, text } of dashboards) expect(await complaintsAbout(uid, text)).toBe('')
})

test(
  'an option that Grafana does not know, or a value that it does not take, is found',
  { timeout: 60_000 },
  async () => {
    const text = dashboards.find(({ uid }) => uid === 'pipeline')?.text ?? ''
    const unknown = await complaintsAbout('unknown', text.replace('"showHeader"', '"showHaeder"'))
    expect(unknown).toMatch(/error TS/)
    const wrong = await complaintsAbout(
      'wrong',
      text.replace('"placement": "bottom"', '"placement": "below"'),
    )
    expect(wrong).toMatch(/error TS/)
    const override = await complaintsAbout('override', text.replace('"custom.width"', '"custom.widht"'))
    expect(override).toMatch(/error TS/)
  },
)
