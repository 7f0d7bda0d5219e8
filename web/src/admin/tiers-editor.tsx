import '@mantine/core/styles/NumberInput.layer.css'
import { Button, NativeSelect, NumberInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'
import classes from './admin.module.css'
import { LEVELS, type Tier } from './queue-settings.ts'

const STEP_MS = 40_000
const SKILL_LEVELS = [1, 2, 3, 4, 5] as const

/** Who answers: each tier adds agents to those before it after a time of waiting. */
export function TiersEditor({
  tiers,
  skills,
  onChange
}: Readonly<{ tiers: readonly Tier[]; skills: readonly string[]; onChange(tiers: readonly Tier[]): void }>) {
  const { t } = useTranslation('admin')
  const set = (at: number, tier: Tier) => onChange(tiers.with(at, tier))
  return (
    <section className={classes['form']} aria-labelledby="tiers-title">
      <h3 id="tiers-title">{t('tiers.title')}</h3>
      <p>{t('tiers.says')}</p>
      {tiers.length === 0 && <p>{t('tiers.anybody')}</p>}
      {tiers.map((tier, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a tier is known by its place alone
        <fieldset key={at} className={classes['group']} data-testid="tier">
          <legend>{t('tiers.nth', { n: at + 1 })}</legend>
          <div className={classes['row']} style={{ alignItems: 'end' }}>
            <NumberInput
              label={t('tiers.after')}
              min={0}
              max={86_400}
              w={140}
              value={tier.afterMs / 1000}
              onChange={value => set(at, { ...tier, afterMs: Math.round(Number(value) * 1000) })}
            />
            <NativeSelect
              label={t('tiers.language')}
              value={tier.languageLevel ?? ''}
              data={[
                { value: '', label: t('tiers.anyLanguage') },
                ...LEVELS.map(level => ({ value: level, label: t('tiers.atLeast', { level }) }))
              ]}
              onChange={event =>
                set(at, { ...tier, languageLevel: LEVELS.find(level => level === event.currentTarget.value) ?? null })
              }
            />
            <Button
              variant="default"
              aria-label={t('tiers.removeNth', { n: at + 1 })}
              onClick={() => onChange(tiers.toSpliced(at, 1))}
            >
              <Icon name="cross" size={16} />
            </Button>
          </div>
          {tier.skills.map(({ skill, minLevel }, place) => (
            <div key={skill} className={classes['row']} style={{ alignItems: 'end' }}>
              <NativeSelect
                label={t('tiers.skill')}
                value={skill}
                data={[...new Set([skill, ...skills])]}
                onChange={event =>
                  set(at, { ...tier, skills: tier.skills.with(place, { skill: event.currentTarget.value, minLevel }) })
                }
              />
              <NativeSelect
                label={t('tiers.skillLevel')}
                value={String(minLevel)}
                data={SKILL_LEVELS.map(String)}
                onChange={event =>
                  set(at, {
                    ...tier,
                    skills: tier.skills.with(place, { skill, minLevel: Number(event.currentTarget.value) })
                  })
                }
              />
              <Button
                variant="default"
                aria-label={t('tiers.removeSkill', { skill })}
                onClick={() => set(at, { ...tier, skills: tier.skills.toSpliced(place, 1) })}
              >
                <Icon name="cross" size={16} />
              </Button>
            </div>
          ))}
          <AddSkill
            skills={skills.filter(skill => tier.skills.every(one => one.skill !== skill))}
            onAdd={skill => set(at, { ...tier, skills: [...tier.skills, { skill, minLevel: 1 }] })}
          />
        </fieldset>
      ))}
      <div>
        <Button
          variant="default"
          onClick={() => {
            const last = tiers.at(-1)
            onChange([
              ...tiers,
              last === undefined
                ? { afterMs: 0, skills: [], languageLevel: 'B2' }
                : { ...last, afterMs: last.afterMs + STEP_MS }
            ])
          }}
        >
          {t('tiers.add')}
        </Button>
      </div>
    </section>
  )
}

function AddSkill({ skills, onAdd }: Readonly<{ skills: readonly string[]; onAdd(skill: string): void }>) {
  const { t } = useTranslation('admin')
  if (skills.length === 0) return null
  return (
    <NativeSelect
      aria-label={t('tiers.addSkill')}
      value=""
      data={[{ value: '', label: t('tiers.addSkill') }, ...skills]}
      onChange={event => {
        if (event.currentTarget.value !== '') onAdd(event.currentTarget.value)
      }}
    />
  )
}
