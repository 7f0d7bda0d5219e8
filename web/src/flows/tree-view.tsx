import { useTranslation } from 'react-i18next'
import type { FlowGraph } from './flow-api.ts'
import classes from './flows.module.css'

/** The flow in words: every step with its ways on, from the start; what the picture shows, for everybody. */
export function TreeView({
  graph,
  chosen,
  onChoose
}: Readonly<{ graph: FlowGraph; chosen: string | null; onChoose(name: string): void }>) {
  const { t } = useTranslation('flows')
  const steps = graph.nodes.toSorted(
    (one, other) => (one.rank ?? Number.POSITIVE_INFINITY) - (other.rank ?? Number.POSITIVE_INFINITY)
  )
  return (
    <ul className={classes['tree']} aria-label={t('graph.tree')} data-testid="tree">
      {steps.map(({ name, kind, isStart, rank }) => (
        <li key={name}>
          <button
            type="button"
            className={classes['step']}
            aria-current={name === chosen ? 'step' : undefined}
            onClick={() => onChoose(name)}
          >
            <bdi>{name}</bdi>
          </button>{' '}
          <span className={classes['dimmed']}>
            <bdi>{kind}</bdi> {isStart && t('graph.start')} {rank === null && t('graph.unreachable')}
          </span>
          <ul>
            {graph.edges
              .filter(edge => edge.from === name && edge.via === 'own')
              .map(edge => (
                <li key={`${edge.exit} ${edge.to}`}>
                  <bdi>{edge.exit}</bdi>:{' '}
                  <button type="button" className={classes['step']} onClick={() => onChoose(edge.to)}>
                    <bdi>{edge.to}</bdi>
                  </button>
                </li>
              ))}
            {graph.ends
              .filter(end => end.node === name)
              .map(end => (
                <li key={end.exit}>
                  <bdi>{end.exit}</bdi>: {t('graph.ends')}
                </li>
              ))}
          </ul>
        </li>
      ))}
    </ul>
  )
}
