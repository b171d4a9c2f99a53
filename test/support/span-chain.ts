import type { ReceivedSpan } from './read-otlp.ts'

/** The path of the spans from the given root: each must be the parent of at most one. @throws when one has several children */
export function chain(spans: readonly ReceivedSpan[], root = ''): ReceivedSpan[] {
  const path: ReceivedSpan[] = []
  for (let parent: string | undefined = root; ; parent = path.at(-1)?.spanId) {
    const children = spans.filter((span) => span.parentSpanId === parent)
    const [child, ...others] = children
    if (others.length > 0) throw new Error(`Span ${parent} has ${children.length} children`)
    if (child === undefined) return path
    path.push(child)
  }
}
