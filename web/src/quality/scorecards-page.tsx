import { Button, NumberInput, TextInput } from '@mantine/core'
import '@mantine/core/styles/NumberInput.layer.css'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type Question, type Scorecard, type ScorecardBody, scorecardsQuery } from './api.ts'
import classes from './quality.module.css'
import { readOptions } from './read-options.ts'

/** What calls are judged by. A published version never changes; what is edited here is the draft of the next one. */
export function ScorecardsPage() {
  const { t } = useTranslation('quality')
  const client = useQueryClient()
  const may = useQuery(meQuery).data?.permissions.includes('scorecards:write') === true
  const cards = useQuery(scorecardsQuery)
  const [openId, setOpenId] = useState<string | null>(null)
  const [name, setName] = useState('')
  const create = useMutation({
    mutationFn: () => api<{ id: string }>('/scorecards', { method: 'POST', body: { name, body: firstDraft(t) } }),
    onSuccess({ id }) {
      setName('')
      setOpenId(id)
      void client.invalidateQueries({ queryKey: scorecardsQuery.queryKey })
    }
  })
  if (cards.isPending) return <Waiting what={t('card.waiting')} lines={5} />
  if (cards.isError) return <Problem error={cards.error} onRetry={() => void cards.refetch()} />
  const open = cards.data.find(card => card.id === openId)
  return (
    <section className={classes['page']} data-testid="quality-scorecards">
      <h1>{t('tab.scorecards')}</h1>
      <ul className={classes['results']}>
        {cards.data.map(card => (
          <li key={card.id}>
            <button
              type="button"
              className={classes['jump']}
              aria-current={card.id === openId}
              onClick={() => setOpenId(card.id)}
            >
              <strong dir="auto">{card.name}</strong>
            </button>{' '}
            {card.version === null ? t('card.unpublished') : t('card.version', { version: card.version })}
          </li>
        ))}
      </ul>
      {may && (
        <form
          className={classes['row']}
          onSubmit={event => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <TextInput
            label={t('card.name')}
            required
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={create.isPending} mt={24}>
            {t('card.create')}
          </Button>
        </form>
      )}
      {create.isError && <Problem error={create.error} />}
      {open !== undefined && <Editor key={open.id} card={open} mayWrite={may} />}
    </section>
  )
}

function firstDraft(
  t: (key: 'card.yes' | 'card.no' | 'card.firstSection' | 'card.firstQuestion') => string
): ScorecardBody {
  return {
    passPercent: 80,
    sections: [{ title: t('card.firstSection'), questions: [freshQuestion('q1', t('card.firstQuestion'), t)] }]
  }
}

function freshQuestion(id: string, text: string, t: (key: 'card.yes' | 'card.no') => string): Question {
  return {
    id,
    text,
    weight: 1,
    options: [
      { value: 'yes', label: t('card.yes'), points: 100 },
      { value: 'no', label: t('card.no'), points: 0 }
    ]
  }
}

function Editor({ card, mayWrite }: Readonly<{ card: Scorecard; mayWrite: boolean }>) {
  const { t } = useTranslation('quality')
  const client = useQueryClient()
  const [draft, setDraft] = useState(card.draft)
  const isChanged = JSON.stringify(draft) !== JSON.stringify(card.draft)
  const refresh = () => client.invalidateQueries({ queryKey: scorecardsQuery.queryKey })
  const save = useMutation({
    mutationFn: () => api(`/scorecards/${card.id}`, { method: 'PATCH', body: { body: draft } }),
    onSuccess: refresh
  })
  const publish = useMutation({
    async mutationFn() {
      if (isChanged) await save.mutateAsync()
      return await api<{ version: number }>(`/scorecards/${card.id}/publish`, { method: 'POST' })
    },
    onSuccess({ version }) {
      notify(t('card.published', { version }))
      void refresh()
    }
  })
  const setQuestion = (section: number, index: number, question: Question | null) =>
    setDraft(now => ({
      ...now,
      sections: now.sections.map((one, at) =>
        at !== section
          ? one
          : {
              ...one,
              questions:
                question === null
                  ? one.questions.filter((_, place) => place !== index)
                  : one.questions.map((each, place) => (place === index ? question : each))
            }
      )
    }))
  const ids = new Set(draft.sections.flatMap(section => section.questions.map(question => question.id)))
  const nextId = () => {
    let number = ids.size + 1
    while (ids.has(`q${number}`)) number += 1
    return `q${number}`
  }
  return (
    <div className="card" data-testid="scorecard-editor">
      <h2 dir="auto">{card.name}</h2>
      <p className={classes['dim']}>{t('card.says')}</p>
      <NumberInput
        label={t('card.pass')}
        min={0}
        max={100}
        disabled={!mayWrite}
        value={draft.passPercent ?? ''}
        onChange={value =>
          setDraft(({ passPercent: _before, ...now }) =>
            typeof value === 'number' ? { ...now, passPercent: value } : now
          )
        }
      />
      {draft.sections.map((section, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: sections have no id, and are only added at the end
        <section key={at} className={classes['form']}>
          <TextInput
            label={t('card.section')}
            disabled={!mayWrite}
            value={section.title}
            onChange={event => {
              const title = event.currentTarget.value
              setDraft(now => ({
                ...now,
                sections: now.sections.map((one, place) => (place === at ? { ...one, title } : one))
              }))
            }}
          />
          {section.questions.map((question, index) => (
            <fieldset key={question.id} className={classes['question']} disabled={!mayWrite}>
              <legend>{question.id}</legend>
              <TextInput
                label={t('card.question')}
                value={question.text}
                onChange={event => setQuestion(at, index, { ...question, text: event.currentTarget.value })}
              />
              <div className={classes['row']}>
                <NumberInput
                  label={t('card.weight')}
                  min={0}
                  max={100}
                  value={question.weight}
                  onChange={value => setQuestion(at, index, { ...question, weight: Number(value) })}
                />
                {(['isCritical', 'allowsNotApplicable', 'isOrdinal'] as const).map(flag => (
                  <label key={flag} className={classes['option']}>
                    <input
                      type="checkbox"
                      checked={question[flag] === true}
                      onChange={event => setQuestion(at, index, { ...question, [flag]: event.currentTarget.checked })}
                    />
                    {t(`card.${flag}`)}
                  </label>
                ))}
              </div>
              <TextInput
                label={t('card.options')}
                description={t('card.optionsSay')}
                defaultValue={question.options.map(option => `${option.label} = ${option.points}`).join(', ')}
                onBlur={event =>
                  setQuestion(at, index, { ...question, options: readOptions(event.currentTarget.value) })
                }
              />
              {section.questions.length > 1 && (
                <Button size="compact-sm" variant="default" mt={8} onClick={() => setQuestion(at, index, null)}>
                  {t('card.removeQuestion')}
                </Button>
              )}
            </fieldset>
          ))}
          {mayWrite && (
            <div>
              <Button
                size="compact-md"
                variant="default"
                onClick={() =>
                  setDraft(now => ({
                    ...now,
                    sections: now.sections.map((one, place) =>
                      place === at ? { ...one, questions: [...one.questions, freshQuestion(nextId(), '', t)] } : one
                    )
                  }))
                }
              >
                {t('card.addQuestion')}
              </Button>
            </div>
          )}
        </section>
      ))}
      {mayWrite && (
        <div className={classes['row']}>
          <Button
            variant="default"
            onClick={() =>
              setDraft(now => ({
                ...now,
                sections: [
                  ...now.sections,
                  { title: t('card.firstSection'), questions: [freshQuestion(nextId(), '', t)] }
                ]
              }))
            }
          >
            {t('card.addSection')}
          </Button>
          <Button variant="default" disabled={!isChanged} loading={save.isPending} onClick={() => save.mutate()}>
            {t('card.save')}
          </Button>
          <Button loading={publish.isPending} onClick={() => publish.mutate()}>
            {t('card.publish')}
          </Button>
        </div>
      )}
      {save.isError && <Problem error={save.error} kept={t('review.kept')} />}
      {publish.isError && !save.isError && <Problem error={publish.error} kept={t('review.kept')} />}
    </div>
  )
}
