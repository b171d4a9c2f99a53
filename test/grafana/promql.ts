import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

/** What an expression asks for: a metric, and every label that it is chosen or grouped by. */
export interface Selection {
  readonly metric: string
  readonly labels: readonly string[]
}

/**
 * Reads PromQL by the grammar of Prometheus itself. Labels of a grouping count for every metric in the expression.
 * @throws {SyntaxError} where the expression is none
 */
export function selectionsOf(expr: string): Selection[] {
  const metrics: SyntaxNode[] = []
  const grouping: string[] = []
  const textOf = ({ from, to }: { from: number; to: number }) => expr.slice(from, to)
  parser.parse(expr).iterate({
    enter({ type, node }) {
      if (type.isError) throw new SyntaxError(`No PromQL from "${expr.slice(node.from)}": ${expr}`)
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
