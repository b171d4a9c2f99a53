import type { Manifest, PolicyPeer, Spec } from './manifests.ts'
import { matches, workloads } from './references.ts'

/** One end of a connection: a pod of the overlay, or one outside its namespace. */
export interface Peer {
  readonly labels: Readonly<Record<string, string>>
  /** undefined: the namespace of the overlay. */
  readonly namespace?: string
}

/** A pod of the overlay, by the name of what runs it: `stage-add`, or `kafka` and `postgres` of an operator. */
export function podOf(objects: readonly Manifest[], name: string): Peer {
  const own = workloads(objects).find(({ manifest }) => manifest.metadata.name === name)?.pod.metadata.labels
  return { labels: own ?? (name === 'kafka' ? { 'strimzi.io/cluster': name } : { 'cnpg.io/cluster': name }) }
}

/** Whether the policies of the overlay let one pod connect to a port of another: what no policy selects may do anything. */
export function mayConnect(objects: readonly Manifest[], from: Peer, to: Peer, port: number): boolean {
  const policies = objects.flatMap(({ kind, spec }) => (kind === 'NetworkPolicy' && spec !== undefined ? [spec] : []))
  const selecting = ({ labels, namespace }: Peer, type: string) =>
    policies.filter(({ podSelector = {}, policyTypes }) => {
      return namespace === undefined && policyTypes?.includes(type) === true && matches(podSelector, labels)
    })
  const opens = (
    rule: NonNullable<Spec['egress' | 'ingress']>[number],
    peers: readonly PolicyPeer[] | undefined,
    end: Peer,
  ) => (rule.ports?.some((open) => open.port === port) ?? true) && (peers?.some((peer) => isOf(peer, end)) ?? true)
  const outgoing = selecting(from, 'Egress')
  const incoming = selecting(to, 'Ingress')
  return (
    (outgoing.length === 0 || outgoing.some(({ egress = [] }) => egress.some((rule) => opens(rule, rule.to, to)))) &&
    (incoming.length === 0 || incoming.some(({ ingress = [] }) => ingress.some((rule) => opens(rule, rule.from, from))))
  )
}

function isOf({ podSelector = {}, namespaceSelector }: PolicyPeer, { labels, namespace }: Peer): boolean {
  if (namespaceSelector === undefined) return namespace === undefined && matches(podSelector, labels)
  const isThere = namespace !== undefined && matches(namespaceSelector, { 'kubernetes.io/metadata.name': namespace })
  return isThere && matches(podSelector, labels)
}
