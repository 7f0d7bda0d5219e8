import { listOf } from '../i18n/format.ts'
import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/client.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import classes from './admin.module.css'
import { Changes } from './changes.tsx'
import { FieldInput } from './field-input.tsx'
import { changedFields, type Field, isSecret, missingFields, type Values, withoutSecrets } from './fields.ts'
import { useDraft } from './use-draft.ts'
import { useFieldName } from './use-field-name.ts'

export type EditFormProps = Readonly<{
  /** Of the draft; one for each thing and one for new ones. */
  draftKey: string
  fields: readonly Field[]
  /** Those of them that are plain inputs; by default all. */
  shownFields?: readonly Field[]
  /** As the server has it; for a new thing what it begins with. */
  before: Values
  isNew: boolean
  /** Says why saving is not possible; null when it is. */
  refusal: string | null
  /** Parts of the form that no plain field can show. */
  first?: (values: Values, set: (values: Values) => void) => ReactNode
  /** Gets all values of a new thing, the changed ones of an old one. */
  save(values: Values): Promise<unknown>
  /** The newest values of the server, when somebody else changed them meanwhile. */
  readAgain?: (() => Promise<Values>) | undefined
  onSaved(): void
}>

/** A form with a draft, the changes in words before they are saved, and what somebody else changed meanwhile. */
export function EditForm({
  fields: allFields,
  shownFields,
  before: server,
  isNew,
  refusal,
  first,
  readAgain,
  ...props
}: EditFormProps) {
  const { t } = useTranslation('admin')
  const nameOf = useFieldName()
  const fields = allFields.filter(field => !isNew || field.isOnlyForOld !== true)
  const [before, setBefore] = useState(server)
  const [isTried, setTried] = useState(false)
  const [theirs, setTheirs] = useState<Values | null>(null)
  const problems = useRef<HTMLDivElement>(null)
  const draft = useDraft<Values>(props.draftKey, server, values => withoutSecrets(fields, values))
  const { value: values, set } = draft
  const changed = changedFields(fields, before, values)
  const missing = missingFields(isNew ? fields : fields.filter(field => !isSecret(field)), values)
  const save = useMutation({
    mutationFn: () => props.save(isNew ? withoutNothing(values) : { ...changed, ...versionOf(before) }),
    onSuccess() {
      draft.forget()
      notify(t('form.saved'))
      props.onSaved()
    },
    async onError(err) {
      if (err instanceof ApiError && err.code === 'CONFLICT' && !isNew && readAgain !== undefined)
        setTheirs(await readAgain())
    }
  })

  return (
    <form
      className={classes['form']}
      onSubmit={event => {
        event.preventDefault()
        setTried(true)
        if (missing.length > 0) requestAnimationFrame(() => problems.current?.focus())
        else if (refusal === null) save.mutate()
      }}
    >
      {isTried && missing.length > 0 && (
        <div ref={problems} tabIndex={-1} role="alert" className={classes['missing']}>
          {t('form.missing', { fields: listOf(missing.map(nameOf)) })}
        </div>
      )}
      {draft.isRestored && (
        <div className={classes['row']} data-testid="restored">
          <span>{t('form.restored')}</span>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              draft.forget()
              set(before)
            }}
          >
            {t('form.discard')}
          </Button>
        </div>
      )}
      {first?.(values, set)}
      {(shownFields ?? fields).map(field => (
        <FieldInput
          key={field.name}
          field={field}
          values={values}
          isNew={isNew}
          isMissing={isTried && missing.includes(field.name)}
          onChange={value => set({ ...values, [field.name]: value })}
        />
      ))}
      {!isNew && <Changes fields={fields} before={before} changed={changed} />}
      {theirs !== null && (
        <section className={classes['conflict']} aria-labelledby="conflict-title" data-testid="conflict">
          <h3 id="conflict-title">{t('conflict.title')}</h3>
          <Changes fields={fields} before={before} changed={changedFields(fields, before, theirs)} />
          <div className={classes['row']}>
            <Button
              variant="default"
              onClick={() => {
                set({ ...theirs, ...changed })
                setBefore(theirs)
                setTheirs(null)
                save.reset()
              }}
            >
              {t('conflict.keepMine')}
            </Button>
            <Button
              variant="default"
              onClick={() => {
                draft.forget()
                set(theirs)
                setBefore(theirs)
                setTheirs(null)
                save.reset()
              }}
            >
              {t('conflict.takeTheirs')}
            </Button>
          </div>
        </section>
      )}
      {save.isError && theirs === null && <Problem error={save.error} kept={t('form.kept')} />}
      <div className={classes['row']}>
        <Button
          type="submit"
          loading={save.isPending}
          disabled={refusal !== null || theirs !== null || (!isNew && Object.keys(changed).length === 0)}
        >
          {isNew ? t('form.add') : t('form.save')}
        </Button>
        {refusal !== null && <span>{refusal}</span>}
      </div>
    </form>
  )
}

/** What is empty is left to the server's defaults. */
function withoutNothing(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value != null))
}

function versionOf(before: Values): Values {
  return typeof before['version'] === 'number' ? { version: before['version'] } : {}
}
