interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}
interface TraceAnswer {
  readonly batches?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[]
  }[]
}

/** How many spans of the trace each service has; none while Tempo does not know it. */
export async function spansByService(port: number, id: string): Promise<Record<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/traces/${id}`)
  if (answer.status === 404) return {}
  const { batches = [] } = (await answer.json()) as TraceAnswer
  const counts: Record<string, number> = {}
  for (const { resource, scopeSpans } of batches) {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
    counts[service] = (counts[service] ?? 0) + scopeSpans.flatMap(({ spans }) => spans).length
  }
  return counts
}
