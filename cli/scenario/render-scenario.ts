import { wrap } from '../render/text.ts'
import type { Sighting } from './judge.ts'
import type { Scenario } from './scenarios.ts'

/** All scenarios, each with what it does. */
export function renderList(scenarios: readonly Scenario[], width: number): string {
  const name = Math.max(...scenarios.map((scenario) => scenario.name.length))
  return scenarios.map((scenario) => wrapped(scenario.name.padEnd(name), scenario.about, width)).join('\n')
}

/** What is expected, and by when. */
export function renderExpected(sightings: readonly Sighting[], width: number): string {
  const lines = sightings.map(({ text, within, panel, unwatched }) => {
    const where = panel === undefined ? '' : ` (dashboard ${capitalised(panel[0])}: ${panel[1]})`
    const note = unwatched === undefined ? where : ` (not watched: ${unwatched})`
    return wrapped(within === undefined ? 'afterwards' : `by ${within} s`.padEnd(10), text + note, width)
  })
  return lines.join('\n')
}

/** A signal that has just been seen. */
export function renderSeen({ text, after = 0, seen }: Sighting, width: number): string {
  return wrapped(`${Math.round(after)} s`.padStart(10), `${text}: ${seen}`, width)
}

/** What was expected and what was seen, and the verdict. */
export function renderJudgement(name: string, sightings: readonly Sighting[], width: number): string {
  const missed = sightings.filter(({ after, unwatched }) => after === undefined && unwatched === undefined).length
  const rows = sightings.map(({ text, after, unwatched }) => {
    if (unwatched !== undefined) return wrapped('-'.padEnd(10), `${text} (not watched: ${unwatched})`, width)
    return wrapped(after === undefined ? 'NOT SEEN  ' : `${Math.round(after)} s`.padEnd(10), text, width)
  })
  const verdict = missed === 0 ? 'all was seen, and the system is back' : `${missed} of ${sightings.length} not seen`
  return ['seen        expected', ...rows, wrapped(`${name}:`, verdict, width)].join('\n')
}

const GAP = '  '

/** A text behind a label, broken into lines below each other. */
function wrapped(label: string, text: string, width: number): string {
  const indent = label.length + GAP.length
  const lines = wrap(text.replaceAll(/\s+/g, ' '), width - indent)
  return label + GAP + lines.replaceAll('\n', `\n${' '.repeat(indent)}`)
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
