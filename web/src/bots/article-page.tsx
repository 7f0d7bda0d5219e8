import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate, useParams, useSearchParams } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { isolated } from '../i18n/isolated.ts'
import { notify } from '../parts/notices.tsx'
import { CustomerText } from '../parts/people.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { ArticleDetail, Version } from './api.ts'
import { ArticleForm, type ArticleText } from './article-form.tsx'
import classes from './bots.module.css'
import { PlaceForm } from './place-form.tsx'
import { useMayWrite } from './use-may-write.ts'

/** One article: what it says, whom it serves, and its versions. */
export function ArticlePage() {
  const { id = '' } = useParams()
  return id === 'new' ? <NewArticle /> : <KnownArticle key={id} id={id} />
}

function NewArticle() {
  const { t } = useTranslation('bots')
  const client = useQueryClient()
  const navigate = useNavigate()
  const [search] = useSearchParams()
  const [place, setPlace] = useState({ language: search.get('language') ?? 'en', region: '', product: '' })
  const create = useMutation({
    mutationFn: (text: ArticleText) =>
      api<{ id: string }>('/knowledge-articles', {
        method: 'POST',
        body: {
          ...text,
          language: place.language.trim(),
          ...(place.region.trim() !== '' && { region: place.region.trim() }),
          ...(place.product.trim() !== '' && { product: place.product.trim() })
        }
      }),
    onSuccess({ id }) {
      notify(t('edit.saved', { version: 1 }))
      void client.invalidateQueries({ queryKey: ['bots'] })
      void navigate(`/bots/articles/${id}`, { replace: true })
    }
  })
  return (
    <section className={classes['page']} data-testid="article">
      <h1>{t('edit.new')}</h1>
      <PlaceForm value={place} onChange={setPlace} />
      <ArticleForm
        start={{ title: search.get('title') ?? '', body: '', validFrom: null, validUntil: null }}
        language={place.language}
        isSaving={create.isPending}
        error={create.error}
        save={create.mutate}
      />
    </section>
  )
}

function KnownArticle({ id }: Readonly<{ id: string }>) {
  const { t } = useTranslation('bots')
  const client = useQueryClient()
  const mayWrite = useMayWrite()
  const path = `/knowledge-articles/${id}`
  const article = useQuery({
    queryKey: ['bots', 'article', id],
    queryFn: ({ signal }) => api<ArticleDetail>(path, { signal })
  })
  const [taken, setTaken] = useState<Version | null>(null)
  const refresh = () => void client.invalidateQueries({ queryKey: ['bots'] })
  const save = useMutation({
    mutationFn: (text: ArticleText) => api<{ version: number }>(`${path}/versions`, { method: 'POST', body: text }),
    onSuccess({ version }) {
      notify(t('edit.saved', { version }))
      setTaken(null)
      refresh()
    }
  })
  if (article.isPending) return <Waiting what={t('list.waiting')} lines={5} />
  if (article.isError) return <Problem error={article.error} onRetry={() => void article.refetch()} />
  const { versions, language, title } = article.data
  const start = taken ?? versions[0]
  return (
    <section className={classes['page']} data-testid="article">
      <h1>
        <CustomerText lang={language}>{title}</CustomerText>
      </h1>
      {start !== undefined && (
        <ArticleForm
          key={`${start.version} ${versions.length}`}
          start={start}
          language={language}
          isSaving={save.isPending}
          error={save.error}
          save={mayWrite ? save.mutate : null}
        />
      )}
      <Versions article={article.data} mayWrite={mayWrite} onTake={setTaken} onChanged={refresh} />
      {mayWrite && <Place article={article.data} onChanged={refresh} />}
      {mayWrite && <Remove id={id} />}
    </section>
  )
}

function Versions({
  article,
  mayWrite,
  onTake,
  onChanged
}: Readonly<{
  article: ArticleDetail
  mayWrite: boolean
  onTake(version: Version): void
  onChanged(): void
}>) {
  const { t } = useTranslation('bots')
  const { dateTime } = useFormat()
  const path = `/knowledge-articles/${article.id}`
  const publish = useMutation({
    mutationFn: (version: number) => api(`${path}/publish`, { method: 'POST', body: { version } }),
    onSuccess(_, version) {
      notify(t('edit.published', { version }))
      onChanged()
    }
  })
  const withdraw = useMutation({
    mutationFn: () => api(`${path}/withdraw`, { method: 'POST' }),
    onSuccess() {
      notify(t('edit.withdrawn'))
      onChanged()
    }
  })
  return (
    <section className="card">
      <h2>{t('edit.versions')}</h2>
      {publish.isError && <Problem error={publish.error} />}
      {withdraw.isError && <Problem error={withdraw.error} />}
      <ul className={classes['passages']}>
        {article.versions.map(one => (
          <li key={one.version} className={classes['row']} data-testid={`version-${one.version}`}>
            <strong>{t(`state.${one.state}`)}</strong>
            <span>
              {t('edit.version', {
                version: one.version,
                author: isolated(one.author),
                at: isolated(dateTime(one.createdAt))
              })}
            </span>
            {mayWrite && (
              <>
                <Button variant="default" size="compact-sm" onClick={() => onTake(one)}>
                  {t('edit.take')}
                </Button>
                {one.state === 'published' ? (
                  <Button
                    variant="default"
                    size="compact-sm"
                    loading={withdraw.isPending}
                    onClick={() => withdraw.mutate()}
                  >
                    {t('edit.withdraw')}
                  </Button>
                ) : (
                  <Button size="compact-sm" loading={publish.isPending} onClick={() => publish.mutate(one.version)}>
                    {t('edit.publish', { version: one.version })}
                  </Button>
                )}
              </>
            )}
            {one.impolite.length > 0 && (
              <p className={`${classes['dim']} ${classes['ownLine']}`}>
                {t('edit.impolite', { sentences: one.impolite.map(isolated).join(' ') })}
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Place({ article, onChanged }: Readonly<{ article: ArticleDetail; onChanged(): void }>) {
  const { t } = useTranslation('bots')
  const [place, setPlace] = useState({
    language: article.language,
    region: article.region ?? '',
    product: article.product ?? ''
  })
  const change = useMutation({
    mutationFn: () =>
      api(`/knowledge-articles/${article.id}`, {
        method: 'PATCH',
        body: {
          language: place.language.trim(),
          region: place.region.trim() || null,
          product: place.product.trim() || null
        }
      }),
    onSuccess: onChanged
  })
  return (
    <details className="card">
      <summary>{t('edit.place')}</summary>
      <div className={classes['form']}>
        <PlaceForm value={place} onChange={setPlace} />
        {change.isError && <Problem error={change.error} />}
        <div>
          <Button variant="default" loading={change.isPending} onClick={() => change.mutate()}>
            {t('edit.savePlace')}
          </Button>
        </div>
      </div>
    </details>
  )
}

function Remove({ id }: Readonly<{ id: string }>) {
  const { t } = useTranslation('bots')
  const { t: common } = useTranslation()
  const client = useQueryClient()
  const navigate = useNavigate()
  const [isAsking, setAsking] = useState(false)
  const remove = useMutation({
    mutationFn: () => api(`/knowledge-articles/${id}`, { method: 'DELETE' }),
    onSuccess() {
      void navigate('/bots/articles')
      void client.invalidateQueries({ queryKey: ['bots'] })
    }
  })
  if (!isAsking)
    return (
      <div>
        <Button variant="default" onClick={() => setAsking(true)}>
          {t('edit.remove')}
        </Button>
      </div>
    )
  return (
    <div className={classes['row']}>
      <span>{t('edit.removeSure')}</span>
      {remove.isError && <Problem error={remove.error} />}
      <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
        {t('edit.remove')}
      </Button>
      <Button variant="default" onClick={() => setAsking(false)}>
        {common('action.cancel')}
      </Button>
    </div>
  )
}
