import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { LANGUAGE_NAMES, LANGUAGES } from '../prefs.ts'
import type { Field, Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'

/** A person, as `GET /users` gives one. */
type User = Values &
  Readonly<{
    id: string
    username: string
    displayName: string
    role: string
    language: string
    createdAt: string
    disabledAt: string | null
  }>

const ROLES = ['agent', 'supervisor', 'campaign-manager', 'qa-reviewer', 'admin', 'privacy-officer'] as const

const wordsOf = (user: User) => `${user.displayName} ${user.username} ${user.role}`

/** People and their roles. */
export function UsersPage() {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const { date } = useFormat()
  const fields: readonly Field[] = [
    { name: 'username', kind: 'text', isRequired: true, isOnlyForNew: true },
    { name: 'displayName', kind: 'text', isRequired: true },
    {
      name: 'role',
      kind: 'choice',
      isRequired: true,
      options: ROLES.map(role => ({ value: role, label: common(`role.${role}`) }))
    },
    {
      name: 'language',
      kind: 'choice',
      options: LANGUAGES.map(language => ({ value: language, label: LANGUAGE_NAMES[language] }))
    },
    { name: 'password', kind: 'secret', isRequired: true },
    { name: 'isDisabled', kind: 'switch' }
  ]
  return (
    <ResourcePage<User>
      title={t('tab.users')}
      one={t('one.user')}
      path="/users"
      permission="users:write"
      keyOf={user => user.id}
      nameOf={user => user.displayName}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.displayName'), cell: user => <bdi>{user.displayName}</bdi> },
        { name: t('field.username'), cell: user => <bdi>{user.username}</bdi> },
        { name: t('field.role'), cell: user => common(`role.${user.role as 'agent'}`) },
        { name: t('field.createdAt'), cell: user => date(user.createdAt) },
        { name: t('field.status'), cell: user => (user.disabledAt === null ? t('list.active') : t('list.disabled')) }
      ]}
      fields={fields}
      fresh={{ username: '', displayName: '', role: 'agent', language: 'en', password: '' }}
      create={({ isDisabled: _, ...values }) => api('/users', { method: 'POST', body: values })}
      canRemove={false}
      usedBy={() => t('used.user')}
    />
  )
}
