import { Button, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../parts/problem.tsx'
import classes from './bots.module.css'

export type ArticleText = Readonly<{
  title: string
  body: string
  validFrom: string | null
  validUntil: string | null
}>

/** What an article says. `save` null: this person may only read. */
export function ArticleForm({
  start,
  language,
  isSaving,
  error,
  save
}: Readonly<{
  start: ArticleText
  language: string
  isSaving: boolean
  error: Error | null
  save: ((text: ArticleText) => void) | null
}>) {
  const { t } = useTranslation('bots')
  const [title, setTitle] = useState(start.title)
  const [body, setBody] = useState(start.body)
  const [validFrom, setValidFrom] = useState(toLocal(start.validFrom))
  const [validUntil, setValidUntil] = useState(toLocal(start.validUntil))
  const isReadOnly = save === null
  return (
    <form
      className={`card ${classes['form']}`}
      onSubmit={event => {
        event.preventDefault()
        save?.({ title, body, validFrom: toInstant(validFrom), validUntil: toInstant(validUntil) })
      }}
    >
      <TextInput
        label={t('field.title')}
        value={title}
        maxLength={200}
        required
        readOnly={isReadOnly}
        lang={language}
        dir="auto"
        onChange={event => setTitle(event.currentTarget.value)}
      />
      <Textarea
        label={t('field.body')}
        value={body}
        maxLength={50_000}
        required
        readOnly={isReadOnly}
        autosize
        minRows={6}
        maxRows={24}
        lang={language}
        dir="auto"
        onChange={event => setBody(event.currentTarget.value)}
      />
      <div className={classes['row']}>
        <TextInput
          type="datetime-local"
          label={t('field.validFrom')}
          value={validFrom}
          readOnly={isReadOnly}
          onChange={event => setValidFrom(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label={t('field.validUntil')}
          value={validUntil}
          readOnly={isReadOnly}
          onChange={event => setValidUntil(event.currentTarget.value)}
        />
      </div>
      {error !== null && <Problem error={error} />}
      {!isReadOnly && (
        <div>
          <Button type="submit" loading={isSaving}>
            {t('edit.save')}
          </Button>
        </div>
      )}
    </form>
  )
}

/** An instant as `datetime-local` takes it, in the zone of this browser. */
function toLocal(instant: string | null): string {
  if (instant === null) return ''
  const at = new Date(instant)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

function toInstant(local: string): string | null {
  return local === '' ? null : new Date(local).toISOString()
}
