import type { ReceivedSpan } from './otlp-receiver.ts'

/** The path of the spans from the given root: each must be the parent of at most one. @throws when one has several children */
export function chain(spans: readonly ReceivedSpan[], root: string | undefined): ReceivedSpan[] {
  const path: ReceivedSpan[] = []
  for (let parent = root; ; parent = path.at(-1)?.spanId) {
    const children = spans.filter(
      (span) => span.parentSpanId === parent || (parent === undefined && !span.parentSpanId),
    )
    const [child, ...others] = children
    if (others.length > 0) throw new Error(`Span ${parent} has ${children.length} children`)
    if (child === undefined) return path
    path.push(child)
  }
}
