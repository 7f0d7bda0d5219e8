import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { isolated } from '../i18n/isolated.ts'
import type { Address, AddressWay } from './address.ts'
import { addText, type Edit, type FlowFacts, replaceValue, type Spoken, type StepFacts } from './document.ts'
import classes from './flows.module.css'

/** One step as a form. Each change goes into the text, which alone is the flow. */
export function StepForm({
  source,
  facts,
  step,
  isReadOnly,
  onEdit
}: Readonly<{ source: string; facts: FlowFacts; step: StepFacts; isReadOnly: boolean; onEdit(edit: Edit): void }>) {
  const { t } = useTranslation('flows')
  const put = (place: Readonly<{ from: number; to: number }>, text: string) => onEdit(replaceValue(source, place, text))
  return (
    <section className={classes['form']} aria-labelledby="step-title" data-testid="step-form">
      <h3 id="step-title">
        {t('form.title', { step: step.name })} <span className={classes['dimmed']}>{step.kind}</span>
      </h3>
      {step.spoken.map(spoken => (
        <fieldset key={spoken.path} className={classes['group']}>
          <legend>{spoken.path}</legend>
          {spoken.texts.map(text => (
            <SpokenText
              key={text.language}
              language={text.language}
              value={text.value}
              isReadOnly={isReadOnly}
              onChange={value => put(text, value)}
            />
          ))}
          {spoken.missing.map(language => (
            <MissingText
              key={language}
              source={source}
              spoken={spoken}
              language={language}
              isReadOnly={isReadOnly}
              onEdit={onEdit}
            />
          ))}
        </fieldset>
      ))}
      {step.addresses.map(address => (
        <AddressChoice key={address.language} address={address} isReadOnly={isReadOnly} onEdit={onEdit} />
      ))}
      {step.ways.map(way => (
        <NativeSelect
          key={way.path}
          label={t('form.way', { exit: way.path })}
          value={way.value}
          disabled={isReadOnly}
          data={facts.steps.map(one => one.name)}
          onChange={event => put(way, event.currentTarget.value)}
        />
      ))}
      {step.others.map(other => (
        <Plain
          key={other.path}
          label={other.path}
          value={other.value}
          isReadOnly={isReadOnly}
          onChange={value => put(other, value)}
        />
      ))}
    </section>
  )
}

const WAYS: readonly AddressWay[] = ['formal', 'informal']

/** How the bot addresses callers of a language. */
function AddressChoice({
  address,
  isReadOnly,
  onEdit
}: Readonly<{ address: Address; isReadOnly: boolean; onEdit(edit: Edit): void }>) {
  const { t } = useTranslation('flows')
  const { languageName } = useFormat()
  return (
    <NativeSelect
      label={t('form.address', { language: languageName(address.language) })}
      value={address.way}
      disabled={isReadOnly}
      data={WAYS.map(way => ({ value: way, label: t(`form.${way}`, { form: isolated(address.forms[way]) }) }))}
      onChange={event => {
        const way = WAYS.find(one => one === event.currentTarget.value)
        if (way !== undefined) onEdit(address.edits[way])
      }}
    />
  )
}

function SpokenText({
  language,
  value,
  isReadOnly,
  onChange
}: Readonly<{ language: string; value: string; isReadOnly: boolean; onChange(text: string): void }>) {
  const { languageName } = useFormat()
  return (
    <Textarea
      label={languageName(language)}
      lang={language}
      dir="auto"
      autosize
      readOnly={isReadOnly}
      value={value}
      onChange={event => onChange(event.currentTarget.value)}
    />
  )
}

function MissingText({
  source,
  spoken,
  language,
  isReadOnly,
  onEdit
}: Readonly<{ source: string; spoken: Spoken; language: string; isReadOnly: boolean; onEdit(edit: Edit): void }>) {
  const { t } = useTranslation('flows')
  const { languageName } = useFormat()
  const [text, setText] = useState('')
  return (
    <div>
      <Textarea
        label={t('form.missing', { language: languageName(language) })}
        lang={language}
        dir="auto"
        autosize
        readOnly={isReadOnly}
        value={text}
        onChange={event => setText(event.currentTarget.value)}
      />
      <Button
        size="compact-sm"
        mt={4}
        variant="default"
        disabled={text.trim() === '' || isReadOnly}
        onClick={() => {
          const edit = addText(source, spoken, language, text)
          if (edit !== null) onEdit(edit)
        }}
      >
        {t('form.add')}
      </Button>
    </div>
  )
}

/** Goes into the text when it is left, because half a number is no value. */
function Plain({
  label,
  value,
  isReadOnly,
  onChange
}: Readonly<{ label: string; value: string; isReadOnly: boolean; onChange(text: string): void }>) {
  const [typed, setTyped] = useState<string | null>(null)
  return (
    <TextInput
      label={<bdi>{label}</bdi>}
      dir="auto"
      readOnly={isReadOnly}
      value={typed ?? value}
      onChange={event => setTyped(event.currentTarget.value)}
      onBlur={() => {
        if (typed !== null && typed !== value) onChange(typed)
        setTyped(null)
      }}
    />
  )
}
