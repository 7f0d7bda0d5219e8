import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { everyPage } from '../api/directory.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import type { Field, Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'
import { SkillMatrix } from './skill-matrix.tsx'

/** A skill, as `GET /skills` gives one. */
type Skill = Values & Readonly<{ name: string; description: string; agents: number; queues: readonly string[] }>

const FIELDS: readonly Field[] = [
  { name: 'name', kind: 'text', isRequired: true, isOnlyForNew: true },
  { name: 'description', kind: 'text' }
]

const wordsOf = (skill: Skill) => `${skill.name} ${skill.description}`

/** The words that queues ask for, and who has them how well. */
export function SkillsPage() {
  const { t } = useTranslation('admin')
  const { number } = useFormat()
  const skills = useQuery({
    queryKey: ['admin', '/skills'],
    queryFn: ({ signal }) => everyPage<Skill>('/skills', signal)
  })
  return (
    <>
      <SkillMatrix skills={(skills.data ?? []).map(skill => skill.name)} />
      <ResourcePage<Skill>
        title={t('tab.skills')}
        one={t('one.skill')}
        path="/skills"
        permission="queues:write"
        keyOf={skill => skill.name}
        nameOf={skill => skill.name}
        wordsOf={wordsOf}
        columns={[
          { name: t('field.name'), cell: skill => <bdi>{skill.name}</bdi> },
          { name: t('field.description'), cell: skill => <bdi>{skill.description}</bdi> },
          { name: t('field.agents'), cell: skill => number(skill.agents) },
          { name: t('tab.queues'), cell: skill => <bdi>{listOf(skill.queues)}</bdi> }
        ]}
        fields={FIELDS}
        fresh={{ name: '', description: '' }}
        canRemove
        usedBy={skill =>
          t('used.by', {
            parts: listOf([t('used.agents', { count: skill.agents }), ...skill.queues])
          })
        }
      />
    </>
  )
}
