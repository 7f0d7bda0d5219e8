import { Button, EmptyState, TextInput } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { CustomerText } from '../parts/people.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type ArticlePage, stateOf } from './api.ts'
import classes from './bots.module.css'
import { useMayWrite } from './use-may-write.ts'

/** All articles, the last changed first. */
export function ArticlesPage() {
  const { t } = useTranslation('bots')
  const { date, languageName } = useFormat()
  const [title, setTitle] = useState('')
  const mayWrite = useMayWrite()
  const list = useInfiniteQuery({
    queryKey: ['bots', 'articles', title],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api<ArticlePage>('/knowledge-articles', {
        query: { cursor: pageParam, ...(title !== '' && { title }) },
        signal
      }),
    getNextPageParam: page => page.nextCursor ?? undefined
  })
  const articles = list.data?.pages.flatMap(page => page.items) ?? []
  return (
    <section className={classes['page']} data-testid="articles">
      <div className={classes['row']}>
        <h1>{t('tab.articles')}</h1>
        {mayWrite && (
          <Button component={Link} to="/bots/articles/new">
            {t('list.add')}
          </Button>
        )}
      </div>
      <TextInput label={t('list.find')} value={title} onChange={event => setTitle(event.currentTarget.value)} />
      {list.isPending && <Waiting what={t('list.waiting')} lines={5} />}
      {list.isError && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isSuccess && articles.length === 0 && (
        <EmptyState icon={<Icon name="list" size={32} />} title={t('list.empty')} description={t('list.emptySays')} />
      )}
      {articles.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.articles')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('field.title')}</th>
                <th scope="col">{t('field.language')}</th>
                <th scope="col">{t('field.state')}</th>
                <th scope="col">{t('field.changed')}</th>
              </tr>
            </thead>
            <tbody>
              {articles.map(one => (
                <tr key={one.id}>
                  <th scope="row">
                    <Link to={`/bots/articles/${one.id}`}>
                      <CustomerText lang={one.language}>{one.title}</CustomerText>
                    </Link>
                  </th>
                  <td>
                    {languageName(one.language)}
                    {[one.region, one.product].map(part => part !== null && <bdi key={part}> · {part}</bdi>)}
                  </td>
                  <td>{t(`state.${stateOf(one)}`)}</td>
                  <td>{date(one.updatedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {list.hasNextPage && (
        <div>
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t('list.more')}
          </Button>
        </div>
      )}
    </section>
  )
}
