import { describe, expect, test } from 'vitest'
import { pipeline } from '../stages/index.ts'
import { canRender, directories, render } from '../test/kubernetes/manifests.ts'
import { mayConnect, podOf, type Peer } from '../test/kubernetes/network.ts'

const elsewhere = (namespace: string): Peer => ({ namespace, labels: {} })

const stage = `stage-${pipeline[0]?.name}`

/** What every overlay with Grafana and Tempo allows, and what none does. */
const allowed = [
  ['tracer', 'tempo', 4318],
  ['grafana', 'tempo', 3200],
  ['grafana', 'monitor', 9464],
  [stage, elsewhere('kube-system'), 53],
] as const
const denied = [
  [stage, 'tempo', 4318],
  [stage, 'monitor', 9464],
  ['grafana', stage, 9464],
  ['grafana', elsewhere('internet'), 443],
  [stage, elsewhere('internet'), 443],
  ['tempo', elsewhere('internet'), 443],
  [elsewhere('other'), stage, 9464],
  [elsewhere('other'), 'grafana', 3000],
  [elsewhere('other'), 'tempo', 4318],
] as const
const servers = (kafkaPort: number) => [
  [stage, 'kafka', kafkaPort] as const,
  ['tracer', 'kafka', kafkaPort] as const,
  ['monitor', 'postgres', 5432] as const,
  ['grafana', 'postgres', 5432] as const,
]
const ownPrometheus = [
  ['prometheus', stage, 9464],
  ['prometheus', 'tempo', 3200],
  ['grafana', 'prometheus', 9090],
  ['tempo', 'prometheus', 9090],
] as const

describe.skipIf(!canRender)('ports (skipped without kustomize or kubectl on the PATH)', { timeout: 60_000 }, () => {
  test.each(directories('overlays'))('%s: no port can be reached from outside the cluster', (overlay) => {
    const objects = render(overlay)
    expect(objects.filter(({ kind }) => /Ingress|Gateway|Route/.test(kind))).toEqual([])
    const types = objects.flatMap(({ kind, spec }) => (kind === 'Service' ? (spec?.type ?? 'ClusterIP') : []))
    expect(types.filter((type) => !/^(ClusterIP|ExternalName)$/.test(type))).toEqual([])
    expect(JSON.stringify(objects)).not.toMatch(/"host(Port|Network)"/)
  })
})

describe.skipIf(!canRender)(
  'network policies (skipped without kustomize or kubectl on the PATH)',
  { timeout: 60_000 },
  () => {
    test.each([
      [
        'local',
        [...servers(9092), ...ownPrometheus, ['generator', 'tempo', 4318] as const],
        [['grafana', 'kafka', 9092] as const],
      ],
      [
        'production',
        [
          ...servers(9093),
          [elsewhere('monitoring'), stage, 9464] as const,
          [elsewhere('monitoring'), 'tempo', 3200] as const,
          ['grafana', elsewhere('monitoring'), 9090] as const,
          ['tempo', elsewhere('monitoring'), 9090] as const,
        ],
        [['grafana', 'kafka', 9093] as const, ['tempo', 'postgres', 5432] as const],
      ],
      [
        'azure',
        [
          ...ownPrometheus,
          [stage, elsewhere('internet'), 9093] as const,
          ['monitor', elsewhere('internet'), 5432] as const,
          [elsewhere('kube-system'), 'prometheus', 9090] as const,
        ],
        [['prometheus', elsewhere('internet'), 443] as const, [elsewhere('other'), 'prometheus', 9090] as const],
      ],
    ])('%s: each process reaches what it needs, and nothing else', (overlay, also, neither) => {
      const objects = render(overlay)
      const peer = (end: string | Peer) => (typeof end === 'string' ? podOf(objects, end) : end)
      const wrongly = (list: readonly (readonly [string | Peer, string | Peer, number])[], is: boolean) =>
        list.filter(([from, to, port]) => mayConnect(objects, peer(from), peer(to), port) !== is)
      expect(wrongly([...allowed, ...also], true)).toEqual([])
      expect(wrongly([...denied, ...neither], false)).toEqual([])
    })
  },
)
