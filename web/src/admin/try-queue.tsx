import { listOf } from '../i18n/format.ts'
import '@mantine/core/styles/NumberInput.layer.css'
import { Button, NumberInput, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { Problem } from '../parts/problem.tsx'
import classes from './admin.module.css'

type WhyNot =
  | 'nothingWaiting'
  | 'notAvailable'
  | 'notRoutable'
  | 'closed'
  | 'skillMissing'
  | 'languageMissing'
  | 'othersFirst'
  | 'laterTier'

/** `POST /queues/:id/try`. */
type Tried = Readonly<{
  picked: readonly Readonly<{ id: string; name: string }>[]
  tier: number | null
  reason: string | null
  agents: readonly Readonly<{ id: string; name: string; whyNot: WhyNot | null }>[]
}>

/** Which agent distribution would pick now for a caller, and why not the others. Nobody is rung. */
export function TryQueue({ queueId }: Readonly<{ queueId: string }>) {
  const { t, i18n } = useTranslation('admin')
  const [language, setLanguage] = useState(i18n.language)
  const [waitedS, setWaitedS] = useState<number | string>(0)
  const attempt = useMutation({
    mutationFn: () =>
      api<Tried>(`/queues/${queueId}/try`, {
        method: 'POST',
        body: { language: language.trim(), waitedMs: Math.round(Number(waitedS) * 1000) }
      })
  })
  const result = attempt.data
  return (
    <section className="card" aria-labelledby="try-title" data-testid="try">
      <h3 id="try-title">{t('try.title')}</h3>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          attempt.mutate()
        }}
      >
        <p style={{ margin: 0 }}>{t('try.says')}</p>
        <TextInput
          label={t('try.language')}
          value={language}
          onChange={event => setLanguage(event.currentTarget.value)}
        />
        <NumberInput label={t('try.waited')} min={0} max={86_400} value={waitedS} onChange={setWaitedS} />
        <div>
          <Button type="submit" variant="default" loading={attempt.isPending} disabled={language.trim() === ''}>
            {t('try.submit')}
          </Button>
        </div>
        {attempt.isError && <Problem error={attempt.error} />}
        {result !== undefined && (
          <div role="status">
            <p>
              <strong data-testid="picked">
                {result.picked.length === 0
                  ? t('try.nobody')
                  : t('try.picked', { name: listOf(result.picked.map(one => one.name)) })}
              </strong>
            </p>
            <ul className={classes['plain']}>
              {result.agents
                .filter(agent => agent.whyNot !== null)
                .map(agent => (
                  <li key={agent.id}>
                    <bdi>{agent.name}</bdi>: {t(`whyNot.${agent.whyNot ?? 'othersFirst'}`)}
                  </li>
                ))}
            </ul>
          </div>
        )}
      </form>
    </section>
  )
}
