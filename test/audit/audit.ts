import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'
import { z } from 'zod'

/** An advisory that the project accepts: why, and since when (a date). */
const allowed = z.array(
  z.strictObject({
    advisory: z.string().regex(/^GHSA(-\w{4}){3}$/),
    package: z.string(),
    reason: z.string().min(20),
    date: z.iso.date(),
  }),
)
const advisory = z.object({ name: z.string(), title: z.string(), url: z.string(), severity: z.string() })
/** What `npm audit --json` prints. In `via` a text is the name of another entry, which has the advisory. */
const answer = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([z.string(), advisory])) })),
})

/** What the check prints, and whether it fails. */
export interface AuditResult {
  readonly text: string
  readonly fails: boolean
}

/**
 * @param output of `npm audit --json`
 * @param list the text of audit-allowed.json
 */
export function judgeAudit(output: string, list: string): AuditResult {
  const printed = parseJson(output)
  const refusal =
    printed === undefined ? 'npm printed no JSON' : z.object({ message: z.string() }).safeParse(printed).data?.message
  if (refusal !== undefined) {
    return { text: `The registry gave no answer, so no package was checked for advisories (${refusal}).`, fails: false }
  }
  const report = answer.parse(printed)
  const known = allowed.parse(JSON.parse(list)).map((entry) => entry.advisory)
  const advisories = Object.values(report.vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((entry) => typeof entry === 'object')
    .filter(({ severity }) => /^(high|critical)$/.test(severity))
  const found = new Map(advisories.map((entry) => [entry.url.split('/').at(-1) ?? '', entry]))
  const unlisted = [...found].filter(([id]) => !known.includes(id))
  const stale = known.filter((id) => !found.has(id))
  const lines = [
    ...unlisted.map(([id, { name, title, severity }]) => {
      return `${id} (${severity}) of ${name}: ${title}. Update it, or list it in test/audit/audit-allowed.json with a reason.`
    }),
    ...stale.map((id) => `${id} does not apply any more: remove it from test/audit/audit-allowed.json.`),
  ]
  if (lines.length > 0) return { text: lines.join('\n'), fails: true }
  return { text: `No advisory of high or critical severity but ${known.length} listed ones.`, fails: false }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { stdout } = await execa('npm', ['audit', '--json'], { cwd: new URL('../..', import.meta.url), reject: false })
  const { text, fails } = judgeAudit(stdout, await readFile(new URL('audit-allowed.json', import.meta.url), 'utf8'))
  process.stdout.write(`${text}\n`)
  if (fails) process.exitCode = 1
}
