import { Textarea } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { useInterval } from '../parts/use-interval.ts'
import { useSoftphone } from '../softphone/softphone-provider.tsx'
import { registerPlace } from './desk-focus.ts'
import { keepNote, keptNote } from './notes.ts'
import classes from './workspace.module.css'

const SAVE_EVERY_MS = 1_000
/** The server's limit of a note. */
const MAX_LENGTH = 20_000

/** The note of one call: kept here with every key, sent to the server each second, never lost by a reload. */
export function Note({ callId, fromServer }: Readonly<{ callId: string; fromServer: string }>) {
  const { t } = useTranslation('desk')
  const { clock } = useFormat()
  const softphone = useSoftphone()
  // Null until something is typed here: then the server's note is shown, also when it changes elsewhere.
  const [typed, setTyped] = useState(() => keptNote(callId))
  const text = typed ?? fromServer
  const [sent, setSent] = useState<Readonly<{ text: string; at: Date | null }>>({ text: fromServer, at: null })
  const isSending = useRef(false)
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => registerPlace('note', () => field.current?.focus()), [])

  const isSaved = typed === null || typed === sent.text
  useInterval(() => {
    if (softphone === null || isSending.current || isSaved) return
    isSending.current = true
    softphone
      .request('note', { callId, text })
      .then(() => setSent({ text, at: new Date() }))
      // Not sent yet: it stays in this browser, the line below says so, and the next second tries again.
      .catch(() => undefined)
      .finally(() => {
        isSending.current = false
      })
  }, SAVE_EVERY_MS)

  return (
    <>
      <Textarea
        ref={field}
        label={t('note.label')}
        description={t('note.says')}
        autosize
        minRows={5}
        maxRows={16}
        maxLength={MAX_LENGTH}
        dir="auto"
        data-testid="note"
        value={text}
        onChange={event => {
          const { value } = event.currentTarget
          setTyped(value)
          keepNote(callId, value)
        }}
      />
      <p className={classes['saved']} data-testid="note-saved">
        {isSaved ? sent.at !== null && t('note.saved', { time: clock(sent.at) }) : t('note.notSent')}
      </p>
    </>
  )
}
