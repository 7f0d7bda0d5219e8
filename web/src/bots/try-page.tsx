import { Button, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { CustomerText } from '../parts/people.tsx'
import { Problem } from '../parts/problem.tsx'
import type { QuestionAnswer } from './api.ts'
import classes from './bots.module.css'
import { PlaceForm } from './place-form.tsx'

/** What a bot would find for a question, and why. */
export function TryPage() {
  const { t } = useTranslation('bots')
  const { i18n } = useTranslation()
  const [question, setQuestion] = useState('')
  const [place, setPlace] = useState({ language: i18n.language, region: '', product: '' })
  const ask = useMutation({
    mutationFn: () =>
      api<QuestionAnswer>('/knowledge-articles/ask', {
        method: 'POST',
        body: {
          question,
          language: place.language.trim(),
          ...(place.region.trim() !== '' && { region: place.region.trim() }),
          ...(place.product.trim() !== '' && { product: place.product.trim() })
        }
      })
  })
  return (
    <section className={classes['page']} data-testid="try">
      <h1>{t('tab.try')}</h1>
      <form
        className={`card ${classes['form']}`}
        onSubmit={event => {
          event.preventDefault()
          ask.mutate()
        }}
      >
        <TextInput
          label={t('try.question')}
          value={question}
          maxLength={1_000}
          required
          dir="auto"
          onChange={event => setQuestion(event.currentTarget.value)}
        />
        <PlaceForm value={place} onChange={setPlace} />
        <div>
          <Button type="submit" loading={ask.isPending}>
            {t('try.ask')}
          </Button>
        </div>
      </form>
      {ask.isError && <Problem error={ask.error} />}
      {ask.isSuccess && <Found answer={ask.data} language={place.language} />}
    </section>
  )
}

function Found({ answer, language }: Readonly<{ answer: QuestionAnswer; language: string }>) {
  const { t } = useTranslation('bots')
  const { percent } = useFormat()
  const words = (list: readonly string[]) => list.join(', ') || '–'
  return (
    <section className="card" aria-live="polite" data-testid="found">
      <p className={classes['verdict']}>
        <Icon name={answer.isKnown ? 'check' : 'triangleOutline'} size={20} />
        {t(answer.isKnown ? 'try.known' : 'try.unknown')}
      </p>
      <p className={classes['dim']}>{t('try.terms', { words: words(answer.terms) })}</p>
      <ol className={classes['passages']}>
        {answer.passages.map((one, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: passages have no name of their own, and the list never changes
          <li key={at}>
            <Link to={`/bots/articles/${one.articleId}`}>
              <CustomerText lang={language}>{one.title}</CustomerText>
            </Link>
            <p className={classes['text']} lang={language} dir="auto">
              {one.text}
            </p>
            <p className={classes['dim']}>
              {t('try.score', { score: percent(one.score), threshold: percent(answer.threshold) })}
              {' · '}
              {t('try.matched', { words: words(one.matched) })}
            </p>
          </li>
        ))}
      </ol>
    </section>
  )
}
