import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { FlowGraph } from './flow-api.ts'
import { CustomerText } from '../parts/people.tsx'
import type { FlowFacts } from './document.ts'
import classes from './flows.module.css'

/**
 * A walk through the draft as a caller: what is heard at each step, and its ways on to choose from. Conditions, hours and
 * requests are not computed: whoever walks chooses their outcome too.
 */
export function Walk({
  graph,
  facts,
  language,
  path,
  onPath
}: Readonly<{
  graph: FlowGraph
  facts: FlowFacts | null
  language: string
  path: readonly string[]
  onPath(path: readonly string[]): void
}>) {
  const { t } = useTranslation('flows')
  const current = path.at(-1)
  if (current === undefined)
    return (
      <section className={classes['form']}>
        <p>{t('walk.says')}</p>
        <div>
          <Button onClick={() => onPath([graph.start])}>{t('walk.start')}</Button>
        </div>
      </section>
    )
  const step = facts?.steps.find(one => one.name === current)
  const heard = (step?.spoken ?? []).flatMap(spoken => {
    const text = spoken.texts.find(one => one.language === language)
    return text === undefined ? [] : [text.value]
  })
  const ways = graph.edges.filter(edge => edge.from === current)
  const ends = graph.ends.filter(end => end.node === current)
  return (
    <section className={classes['form']} aria-labelledby="walk-title" data-testid="walk">
      <h3 id="walk-title">{t('walk.at', { step: current, n: path.length })}</h3>
      <div role="status">
        {heard.length === 0 ? (
          <p className={classes['dimmed']}>{t('walk.silent')}</p>
        ) : (
          heard.map(text => (
            <blockquote key={text} className={classes['heard']}>
              <CustomerText lang={language}>{text}</CustomerText>
            </blockquote>
          ))
        )}
        {ways.length === 0 && <p>{t('walk.ended')}</p>}
      </div>
      <ul className={classes['ways']}>
        {ways.map(way => (
          <li key={`${way.exit} ${way.to}`}>
            <Button variant="default" onClick={() => onPath([...path, way.to])}>
              {t('walk.take', { exit: way.exit, step: way.to })}
            </Button>
          </li>
        ))}
        {ends.map(end => (
          <li key={end.exit}>{t('walk.endsBy', { exit: end.exit })}</li>
        ))}
      </ul>
      <div className={classes['row']}>
        <Button variant="default" disabled={path.length < 2} onClick={() => onPath(path.slice(0, -1))}>
          {t('walk.back')}
        </Button>
        <Button variant="default" onClick={() => onPath([])}>
          {t('walk.stop')}
        </Button>
      </div>
    </section>
  )
}
