import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

/** A metric of an expression with the labels that select or group it. */
export interface Selection {
  readonly metric: string
  readonly labels: readonly string[]
}

/**
 * Parses PromQL with Prometheus's own grammar. Grouping labels count for every metric of the expression.
 * @throws {SyntaxError} for an invalid expression
 */
export function selectionsOf(expr: string): Selection[] {
  const metrics: SyntaxNode[] = []
  const grouping: string[] = []
  const textOf = ({ from, to }: { from: number; to: number }) => expr.slice(from, to)
  parser.parse(expr).iterate({
    enter({ type, node }) {
      if (type.isError) throw new SyntaxError(`Invalid PromQL from "${expr.slice(node.from)}": ${expr}`)
      if (type.is('VectorSelector')) metrics.push(node)
      if (type.is('GroupingLabels')) grouping.push(...node.getChildren('LabelName').map(textOf))
    },
  })
  return metrics.map((node) => ({
    metric: textOf(node.getChild('Identifier') ?? node),
    labels: [...labelsWithin(node, expr), ...grouping],
  }))
}

function labelsWithin(node: SyntaxNode, expr: string): string[] {
  const labels: string[] = []
  node.cursor().iterate(({ type, from, to }) => {
    if (type.is('LabelName')) labels.push(expr.slice(from, to))
  })
  return labels
}
