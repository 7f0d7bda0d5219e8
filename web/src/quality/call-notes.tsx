import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { useStore } from '../store.ts'
import type { Clip, Comment, Span } from './api.ts'
import type { Player } from './player-state.ts'
import classes from './quality.module.css'

/** What people say about moments of a call. */
export function Comments({
  callId,
  comments,
  player,
  box,
  me
}: Readonly<{
  callId: string
  comments: readonly Comment[]
  player: Player
  box: React.RefObject<HTMLTextAreaElement | null>
  me: string
}>) {
  const { t } = useTranslation('quality')
  const { duration } = useFormat()
  const client = useQueryClient()
  const [text, setText] = useState('')
  const second = useStore(player.state, state => Math.floor(state.ms / 1000))
  const done = () => client.invalidateQueries({ queryKey: ['quality', 'comments', callId] })
  const add = useMutation({
    mutationFn: () =>
      api(`/calls/${callId}/comments`, { method: 'POST', body: { atMs: Math.round(player.state.get().ms), text } }),
    onSuccess() {
      setText('')
      void done()
    }
  })
  const remove = useMutation({
    mutationFn: (id: string) => api(`/comments/${id}`, { method: 'DELETE' }),
    onSuccess: done
  })
  return (
    <section className="card" aria-labelledby="comments-title">
      <h2 id="comments-title">{t('comment.title')}</h2>
      <ul className={classes['comments']}>
        {comments.map(one => (
          <li key={one.id}>
            <button type="button" className={classes['jump']} onClick={() => player.seek(one.atMs)}>
              <span className="ltr">{duration(one.atMs)}</span>
            </button>{' '}
            <b>
              <bdi>{one.authorName}</bdi>
            </b>{' '}
            <span dir="auto">{one.text}</span>{' '}
            {one.authorId === me && (
              <button type="button" className={classes['jump']} onClick={() => remove.mutate(one.id)}>
                {t('comment.remove')}
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          if (text.trim() !== '') add.mutate()
        }}
      >
        <Textarea
          ref={box}
          label={t('comment.at', { time: duration(second * 1000) })}
          value={text}
          autosize
          minRows={1}
          onChange={event => setText(event.currentTarget.value)}
        />
        <div>
          <Button type="submit" variant="default" loading={add.isPending} disabled={text.trim() === ''}>
            {t('comment.add')}
          </Button>
        </div>
        {add.isError && <Problem error={add.error} />}
      </form>
    </section>
  )
}

/** Links to a part of a call, which end. */
export function Clips({ callId, spanNow }: Readonly<{ callId: string; spanNow(): Span }>) {
  const { t } = useTranslation('quality')
  const { duration, dateTime } = useFormat()
  const client = useQueryClient()
  const [span, setSpan] = useState<Span | null>(null)
  const [title, setTitle] = useState('')
  const [forWhom, setForWhom] = useState('')
  const [hours, setHours] = useState('24')
  const [link, setLink] = useState<string | null>(null)
  const clips = useQuery({
    queryKey: ['quality', 'clips', callId],
    queryFn: async ({ signal }) => (await api<{ items: readonly Clip[] }>(`/calls/${callId}/clips`, { signal })).items
  })
  const done = () => client.invalidateQueries({ queryKey: ['quality', 'clips', callId] })
  const make = useMutation({
    mutationFn: () =>
      api<{ url: string }>(`/calls/${callId}/clips`, {
        method: 'POST',
        body: { ...span, title, forWhom, expiresInHours: Number(hours) }
      }),
    onSuccess(made) {
      setLink(location.origin + made.url)
      setSpan(null)
      void done()
    }
  })
  const revoke = useMutation({
    mutationFn: (id: string) => api(`/clips/${id}`, { method: 'DELETE' }),
    onSuccess() {
      notify(t('clip.revoked'))
      void done()
    }
  })
  return (
    <section className="card" aria-labelledby="clips-title">
      <h2 id="clips-title">{t('clip.title')}</h2>
      <ul className={classes['comments']}>
        {(clips.data ?? []).map(one => (
          <li key={one.id}>
            <span className="ltr">
              {duration(one.fromMs)}–{duration(one.toMs)}
            </span>{' '}
            <span dir="auto">{one.title}</span> · {t('clip.opened', { count: one.opens })} ·{' '}
            {one.revokedAt === null ? t('clip.until', { at: dateTime(one.expiresAt) }) : t('clip.ended')}{' '}
            {one.revokedAt === null && (
              <button type="button" className={classes['jump']} onClick={() => revoke.mutate(one.id)}>
                {t('clip.revoke')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {link !== null && (
        <p data-testid="clip-link">
          {t('clip.once')} <code className="ltr">{link}</code>
        </p>
      )}
      {span === null ? (
        <Button variant="default" onClick={() => setSpan(widen(spanNow()))}>
          {t('clip.make')}
        </Button>
      ) : (
        <form
          className={classes['form']}
          onSubmit={event => {
            event.preventDefault()
            make.mutate()
          }}
        >
          <p className="ltr">
            {duration(span.fromMs)}–{duration(span.toMs)}
          </p>
          <TextInput
            label={t('clip.name')}
            required
            value={title}
            onChange={event => setTitle(event.currentTarget.value)}
          />
          <TextInput
            label={t('clip.forWhom')}
            description={t('clip.forWhomSays')}
            required
            minLength={2}
            value={forWhom}
            onChange={event => setForWhom(event.currentTarget.value)}
          />
          <NativeSelect
            label={t('clip.ends')}
            value={hours}
            data={[
              { value: '24', label: t('clip.day') },
              { value: '168', label: t('clip.week') },
              { value: '720', label: t('clip.month') }
            ]}
            onChange={event => setHours(event.currentTarget.value)}
          />
          {make.isError && <Problem error={make.error} />}
          <div className={classes['row']}>
            <Button type="submit" loading={make.isPending}>
              {t('clip.create')}
            </Button>
            <Button variant="default" onClick={() => setSpan(null)}>
              {t('cancel')}
            </Button>
          </div>
        </form>
      )}
    </section>
  )
}

function widen(span: Span): Span {
  return { fromMs: Math.max(0, span.fromMs - 1_000), toMs: span.toMs + 1_000 }
}
