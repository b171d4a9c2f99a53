import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readConfig } from '../../pipeline/config.ts'
import { routeOf } from '../../pipeline/route.ts'
import { UserError } from '../../telemetry/user-error.ts'
import type { CliCommand } from '../options.ts'
import { print } from '../render/terminal.ts'
import { type Change, changesFor, newStage, type NewStage } from '../stage-files.ts'

const root = join(import.meta.dirname, '..', '..')

export function define(command: CliCommand): void {
  command
    .summary('add a stage of your own to the sources')
    .description(
      'Writes the file of a new stage, and its lines in the catalogue, in the compose files and in deploy/. ' +
        'The stage reads a topic of its own name, to which the stage before it then writes; all others read what they ' +
        'read before. Nothing is overwritten.',
    )
    .argument('<name>', 'small letters, digits and hyphens, such as moving-average')
    .option('-a, --after <stage>', 'the stage before it, by its name or position; the last one by default')
    .option('--dry-run', 'only print what would be written')
    .examples({
      'A last stage': 'npx throughline new-stage spread',
      'One between two others, only shown': 'npx throughline new-stage spread --after lcm --dry-run',
    })
    .action((name: string, { after, dryRun = false }: { after?: string; dryRun?: boolean }) => {
      // The image has the catalogue, but not the sources around it.
      if (!existsSync(join(root, 'tsconfig.json')))
        throw new UserError('There are no sources here: run this in a clone of the project.')
      // The names of stages do not depend on the environment.
      const previous = after === undefined ? undefined : routeOf(readConfig({}), after).stage
      const stage = newStage(name, previous)
      const changes = changesFor(stage, read)
      if (!dryRun) changes.forEach(write)
      print(changes.map(dryRun ? shown : line).join('\n'))
      print(`\n${flowSummary(stage)}`)
      print(dryRun ? 'Nothing was written.' : nextSteps(stage))
    })
}

function read(path: string): string | undefined {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined
}

function write({ path, isNewFile, text }: Change): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text, { flag: isNewFile ? 'wx' : 'w' })
}

function line({ path, isNewFile }: Change): string {
  return `${isNewFile ? 'new    ' : 'changed'}  ${path}`
}

function shown(change: Change): string {
  return [line(change), ...change.addedLines.map((added) => `  + ${added}`.trimEnd())].join('\n')
}

function flowSummary({ name, reads, writes, previous }: NewStage): string {
  if (previous === undefined) return `${name} reads the topic ${reads} and writes to ${writes}.`
  return `${previous.name} now writes to the topic ${reads}, and ${name} from there to ${writes}.`
}

function nextSteps({ name, previous }: NewStage): string {
  return `
Next, put your function into stages/${name}.ts and test it:
  npx vitest run --project unit stages deploy test/compose
Then start a pipeline with it:
  npm run demo
  docker compose up --build
Where a pipeline runs already, create the topic with
  npx throughline migrate
then start ${name}${previous === undefined ? '' : `, and restart ${previous.name} at last`}.`
}
