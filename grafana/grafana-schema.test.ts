import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dashboards } from '../test/grafana/dashboards.ts'

// Inside the project, so that the compiler finds Grafana's types.
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

/** Names of Grafana before 10; the dashboards have the newer names too. */
const older = new Set(['custom.displayMode', 'custom.hidden'])

/** Converts properties such as "unit" and "custom.width" to fields. */
function fieldOf({ matcher, properties }: Override) {
  const known = properties.filter(({ id }) => !older.has(id)).map(({ id, value }) => [id, value] as const)
  const own = known.flatMap(([id, value]) => (id.startsWith('custom.') ? [[id.slice(7), value] as const] : []))
  const common = known.filter(([id]) => !id.startsWith('custom.'))
  const custom = own.length > 0 && { custom: Object.fromEntries(own) }
  return { matcher, sets: { ...Object.fromEntries(common), ...custom } }
}

/** The dashboard with its overrides as fields. */
function withFields(text: string): string {
  const dashboard: unknown = JSON.parse(text, (key, value: unknown) =>
    key === 'overrides' ? (value as Override[]).map(fieldOf) : value,
  )
  return JSON.stringify(dashboard, null, 2)
}

/** The compiler's errors for a dashboard as a value of Grafana's type. */
async function compileErrors(name: string, text: string): Promise<string> {
  const typed = `import type { CheckedDashboard } from '../../test/grafana/grafana-schema.ts'\nexport const it: CheckedDashboard = ${withFields(text)}`
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

test('each dashboard matches the types that Grafana publishes', { timeout: 60_000 }, async () => {
  for (const { uid, text } of dashboards) expect(await compileErrors(uid, text)).toBe('')
})

test('an unknown option or value is found', { timeout: 60_000 }, async () => {
  const text = dashboards.find(({ uid }) => uid === 'pipeline')?.text ?? ''
  const unknown = await compileErrors('unknown', text.replace('"showHeader"', '"showHaeder"'))
  expect(unknown).toMatch(/error TS/)
  const wrong = await compileErrors('wrong', text.replace('"placement": "bottom"', '"placement": "below"'))
  expect(wrong).toMatch(/error TS/)
  const override = await compileErrors('override', text.replace('"custom.width"', '"custom.widht"'))
  expect(override).toMatch(/error TS/)
})
