import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { judgeAudit } from './audit.ts'

const advisory = (id: string, severity: string) => ({
  source: 1,
  name: 'left',
  title: 'Left is right',
  url: `https://github.com/advisories/${id}`,
  severity,
})
const [high, critical, moderate] = ['GHSA-aaaa-bbbb-cccc', 'GHSA-dddd-eeee-ffff', 'GHSA-gggg-hhhh-jjjj'] as const
const report = JSON.stringify({
  auditReportVersion: 2,
  vulnerabilities: {
    left: { via: [advisory(high, 'high'), advisory(moderate, 'moderate')] },
    above: { via: ['left', advisory(critical, 'critical')] },
  },
})
const list = (...ids: string[]) =>
  JSON.stringify(ids.map((id) => ({ advisory: id, package: 'left', reason: 'only the tests use it', date: '2026-11-27' })))

test('advisories of high and critical severity fail the check unless they are listed', () => {
  const { text, fails } = judgeAudit(report, list(high))
  expect(fails).toBe(true)
  expect(text.split('\n')).toEqual([
    expect.stringMatching(/^GHSA-dddd-eeee-ffff \(critical\) of left: Left is right\. Update/),
  ])
  expect(judgeAudit(report, list(high, critical)).fails).toBe(false)
})

test('a listed advisory that does not apply any more fails the check', () => {
  const { text, fails } = judgeAudit(report, list(high, critical, 'GHSA-kkkk-llll-mmmm'))
  expect([fails, text]).toEqual([true, expect.stringContaining('GHSA-kkkk-llll-mmmm does not apply any more')])
})

test('without an answer of the registry the check says that it checked nothing', () => {
  const refused = JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405, error: { summary: '' } })
  for (const [output, reason] of [
    [refused, '405 Method Not Allowed'],
    ['', 'npm printed no JSON'],
  ] as const) {
    const text = `The registry gave no answer, so no package was checked for advisories (${reason}).`
    expect(judgeAudit(output, list())).toEqual({ text, fails: false })
  }
})

test('a report of another form is an error, not an answer that is missing', () => {
  expect(() => judgeAudit(JSON.stringify({ auditReportVersion: 3, vulnerabilities: {} }), list())).toThrow(
    'auditReportVersion',
  )
})

test('an entry of the list without a reason or a date is refused, and the list of the project is complete', () => {
  const entry = { advisory: high, package: 'left', reason: '', date: '2026-11-27' }
  expect(() => judgeAudit(report, JSON.stringify([entry]))).toThrow('reason')
  const empty = JSON.stringify({ auditReportVersion: 2, vulnerabilities: {} })
  expect(() => judgeAudit(empty, readFileSync(new URL('audit-allowed.json', import.meta.url), 'utf8'))).not.toThrow()
})
