import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { FlowGraph } from './flow-api.ts'
import classes from './flows.module.css'
import { layoutOf, NODE_HEIGHT, NODE_WIDTH } from './layout.ts'

/**
 * The flow as a picture. The tree beside it says the same in words, so the picture is one image to a screen reader; its
 * steps can still be clicked. `path` are the steps of a walk, in order.
 */
export function GraphView({
  graph,
  chosen,
  path,
  onChoose
}: Readonly<{ graph: FlowGraph; chosen: string | null; path: readonly string[]; onChoose(name: string): void }>) {
  const { t } = useTranslation('flows')
  const layout = useMemo(() => layoutOf(graph), [graph])
  const walked = new Set(path)
  const walkedLines = new Set(path.slice(1).map((name, at) => `${path[at]} ${name}`))
  const isWalking = path.length > 0
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className={`ltr ${classes['picture']}`} tabIndex={0} aria-label={t('graph.title')}>
      <svg width={layout.width} height={layout.height} role="img" aria-label={t('graph.says')} data-testid="graph">
        <title>{t('graph.says')}</title>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path d="M0 0L8 4L0 8z" fill="var(--mantine-color-dimmed)" />
          </marker>
        </defs>
        {layout.lines.map(line => (
          <path
            key={line.key}
            d={line.path}
            className={classes['line']}
            data-failure={line.isFailure}
            data-walked={isWalking ? walkedLines.has(line.key) : undefined}
            markerEnd="url(#arrow)"
          >
            <title>{line.label}</title>
          </path>
        ))}
        {layout.nodes.map(node => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the tree has the same as buttons
          <g
            key={node.name}
            transform={`translate(${node.x} ${node.y})`}
            className={classes['node']}
            data-chosen={node.name === chosen}
            data-walked={isWalking ? walked.has(node.name) : undefined}
            onClick={() => onChoose(node.name)}
          >
            <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx={node.isStart ? 24 : 6} />
            <text x={NODE_WIDTH / 2} y={20} textAnchor="middle" className={classes['nodeName']}>
              {short(node.name)}
            </text>
            <text x={NODE_WIDTH / 2} y={37} textAnchor="middle" className={classes['nodeKind']}>
              {node.kind}
            </text>
          </g>
        ))}
      </svg>
    </section>
  )
}

const NAME_LENGTH = 18

function short(name: string): string {
  return name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH - 1)}…` : name
}
