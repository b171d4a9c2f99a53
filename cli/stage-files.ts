import { Script } from 'node:vm'
import { deadLetterTopic } from '../pipeline/route.ts'
import { finish, inputField, pipeline } from '../stages/index.ts'
import type { Stage } from '../stages/stage.ts'
import { UserError } from '../telemetry/user-error.ts'

/** What the files say about a new stage. */
export interface NewStage {
  readonly name: string
  /** The name in camel case: the constant in its file, and the field that it adds. */
  readonly identifier: string
  /** The topic that it reads. */
  readonly reads: string
  /** The topic to which it writes. */
  readonly writes: string
  /** The stage before it; undefined for the first of an empty catalogue. */
  readonly previous: Stage | undefined
}

/** The content of a file with the new stage. */
export interface Change {
  readonly path: string
  readonly isNewFile: boolean
  readonly text: string
  readonly addedLines: readonly string[]
}

/** Kubernetes puts `stage-` before it and a suffix behind it, and a label has at most 63 characters. */
const MAX_NAME_LENGTH = 40

const CATALOGUE = 'stages/index.ts'

/** Names with another meaning: of other processes, of the position of a stage, or in the files that are written. */
const RESERVED =
  /^(generator|submit|tracer|monitor|migrate|stage\d*|pipeline|input-field|define-stage|doubles|await|undefined)$/

/**
 * A stage after `previous`. It reads a topic of its own name, which `previous` then writes; all other stages read what they read
 * before. The first stage of an empty catalogue reads `start`.
 * @throws {UserError} when the name is taken or has another form or meaning
 */
export function newStage(name: string, previous: Stage | undefined = pipeline.at(-1)): NewStage {
  const identifier = camelCase(name)
  const reads = previous === undefined ? 'start' : name
  const mistake = mistakeIn({ name, identifier, reads })
  if (mistake !== undefined) throw new UserError(`${mistake} Nothing was written.`)
  const following = previous === undefined ? undefined : pipeline[pipeline.indexOf(previous) + 1]
  return { name, identifier, reads, writes: following?.reads ?? finish, previous }
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

function mistakeIn({ name, identifier, reads }: Listed): string | undefined {
  if (!/^[a-z][a-z\d]*(-[a-z\d]+)*$/.test(name) || name.length > MAX_NAME_LENGTH)
    return `${JSON.stringify(name.slice(0, 60))} is no name of a stage: use words of a to z and 0 to 9 with hyphens between, such as square-root, and at most ${MAX_NAME_LENGTH} characters.`
  if (RESERVED.test(name)) return `"${name}" has another meaning here: use another name.`
  if (pipeline.some((stage) => stage.name === name)) return `There is a stage ${name} already.`
  const owner = pipeline.find(({ adds }) => adds === identifier)
  if (owner !== undefined) return `The stage ${owner.name} adds the field "${identifier}" already: use another name.`
  if (identifier === inputField) return `The field "${identifier}" is in every body already: use another name.`
  if ([...pipeline.map((stage) => stage.reads), finish, deadLetterTopic].includes(reads))
    return `There is a topic ${reads} already: use another name.`
  return isIdentifier(identifier) ? undefined : `"${identifier}" is a word of JavaScript: use another name.`
}

function isIdentifier(word: string): boolean {
  try {
    return new Script(`'use strict'; const ${word} = 0`) instanceof Script
  } catch {
    return false
  }
}

/**
 * Every file that names each stage, with the new one. Of the others than those in stages/, a fork may have deleted some.
 * @param read the text of a file of the project; undefined when it is not there
 * @throws {UserError} when a file of the stage exists, or the place of its lines is not found
 */
export function changesFor(stage: NewStage, read: (path: string) => string | undefined): Change[] {
  const { name } = stage
  if (read('docker-compose.yml')?.includes(`\n  ${name}:\n`))
    throw new UserError(`docker-compose.yml has a service ${name} already: use another name. Nothing was written.`)
  const files = newFiles(stage).filter(({ beside }) => read(beside) !== undefined)
  const taken = files.find(({ path }) => read(path) !== undefined)
  if (taken !== undefined) throw new UserError(`${taken.path} is there already: use another name. Nothing was written.`)
  const created = files.map(({ path, text }) => ({ path, isNewFile: true, text, addedLines: text.trimEnd().split('\n') }))
  const changed = lists.flatMap((list) => {
    const text = read(list.path)
    return text === undefined ? [] : inserted(text, list, stage)
  })
  return [...created, ...changed.map((change) => (change.path === CATALOGUE ? withImport(change, stage) : change))]
}

/** The files of a stage, each with another that is there unless a fork has deleted its kind. */
function newFiles({ name, identifier, reads }: NewStage) {
  const source = `import { doubles } from './numbers/readers.ts'
import { defineStage } from './stage.ts'

/** The largest number. */
export const ${identifier} = defineStage({
  name: '${name}',
  reads: '${reads}',
  adds: '${identifier}',
  // The fields of the body that it needs, each with its reader of numbers/readers.ts or one of your own.
  needs: { ${inputField}: doubles },
  // Put your own function here. The same fields must give the same result; throw a Refusal where there is none.
  // A stage that asks other systems has \`external\`: see stage.ts.
  compute: ({ ${inputField} }) => Math.max(...${inputField}),
})
`
  const kustomization = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../stage]
nameSuffix: -${name}
labels:
  - includeSelectors: true
    pairs: { app.kubernetes.io/component: ${name} }
`
  return [
    { path: `stages/${name}.ts`, text: source, beside: CATALOGUE },
    {
      path: `deploy/kubernetes/stages/${name}/kustomization.yaml`,
      text: kustomization,
      beside: 'deploy/kubernetes/processes/kustomization.yaml',
    },
  ]
}

/** A list with an entry for each stage, whose entries are indented by two spaces. */
interface StageList {
  readonly path: string
  /** The line before the list. */
  readonly head: string
  readonly entry: (stage: Listed) => string
  /** Which line of an entry no other entry has; the first by default. */
  readonly ownLine?: number
}

type Listed = Pick<NewStage, 'name' | 'identifier' | 'reads'>

const lists: readonly StageList[] = [
  {
    path: CATALOGUE,
    head: 'export const pipeline: readonly Stage[] = [',
    entry: ({ identifier }) => `  ${identifier},`,
  },
  {
    path: 'docker-compose.yml',
    head: 'services:',
    entry: ({ name }) => `  ${name}:\n    <<: *stage\n    command: [run, ${name}]`,
  },
  { path: 'compose.azure.yml', head: 'services:', entry: ({ name }) => `  ${name}: *process` },
  {
    path: 'deploy/kubernetes/processes/kustomization.yaml',
    head: 'resources:',
    entry: ({ name }) => `  - ../stages/${name}`,
  },
  {
    path: 'deploy/kubernetes/components/keda/scaled-objects.yaml',
    head: 'items:',
    entry: ({ name }) => `  - apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    metadata: { name: stage-${name} }
    spec:
      scaleTargetRef: { name: stage-${name} }
      triggers: [{ type: prometheus, metadata: { query: 'max(throughline_processes_wanted{stage="${name}"})' } }]`,
    ownLine: 2,
  },
  { path: 'deploy/azure/hubs.bicep', head: 'var topics = [', entry: ({ reads }) => `  '${reads}'` },
]

/** The text with an entry after that of the stage before, or at the beginning of the list. */
function inserted(text: string, { path, head, entry, ownLine = 0 }: StageList, stage: NewStage): Change {
  const { previous } = stage
  const previousEntry = previous && entry({ ...previous, identifier: camelCase(previous.name) })
  const after = previousEntry?.split('\n')[ownLine] ?? head
  const lines = text.split('\n')
  const found = lines.indexOf(after)
  if (found === -1)
    throw new UserError(`${path} has no line \`${after.trim()}\` to put the stage behind. Nothing was written.`)
  const isRest = (line: string) => after !== head && /^ {3}/.test(line)
  const length = lines.slice(found + 1).findIndex((line) => !isRest(line))
  const addedLines = entry(stage).split('\n')
  return { path, isNewFile: false, text: lines.toSpliced(found + 1 + length, 0, ...addedLines).join('\n'), addedLines }
}

/** The catalogue with the import of the stage, in the order of the files' names. */
function withImport({ text, addedLines, ...change }: Change, { name, identifier }: NewStage): Change {
  const line = `import { ${identifier} } from './${name}.ts'`
  const imports = [...text.matchAll(/^import .* from '\.\/(.*)\.ts'\n/gm)]
  const earlier = imports.findLast(([, file = '']) => file < name)
  const at = earlier === undefined ? 0 : earlier.index + earlier[0].length
  return { ...change, text: `${text.slice(0, at)}${line}\n${text.slice(at)}`, addedLines: [line, ...addedLines] }
}
