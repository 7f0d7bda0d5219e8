import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import type { Field, Values } from './fields.ts'
import { type DeskPhone, PhoneDetail, Registrations } from './phone-detail.tsx'
import { ResourcePage } from './resource-page.tsx'
import { SecretOnce } from './secret-once.tsx'

const REFRESH_MS = 3_000

/** Accounts of desk phones: who is rung there, and which phones are registered now. A password is shown once. */
export function PhonesPage() {
  const { t } = useTranslation('admin')
  const { compare } = useFormat()
  const [made, setMade] = useState<Readonly<{ username: string; password: string }> | null>(null)
  const users = useQuery({
    queryKey: ['admin', '/users'],
    queryFn: ({ signal }) => everyPage<Readonly<{ id: string; displayName: string }>>('/users', signal)
  })
  const nameOfUser = (id: string | null) => users.data?.find(user => user.id === id)?.displayName ?? id ?? '-'
  const fields: readonly Field[] = [
    { name: 'username', kind: 'text', isRequired: true, isOnlyForNew: true },
    { name: 'extension', kind: 'text', isNullable: true, isPhoneNumber: true },
    {
      name: 'userId',
      kind: 'choice',
      isNullable: true,
      options: (users.data ?? [])
        .map(user => ({ value: user.id, label: user.displayName }))
        .toSorted((a, b) => compare(a.label, b.label))
    }
  ]
  const put = (username: string, { extension, userId }: Values) =>
    api<Readonly<{ password: string | null }>>(`/sip-accounts/${encodeURIComponent(username)}`, {
      method: 'PUT',
      body: { ...(extension != null && { extension }), ...(userId != null && { userId }) }
    })
  return (
    <ResourcePage<DeskPhone>
      title={t('tab.phones')}
      one={t('one.phone')}
      path="/sip-accounts"
      permission="trunks:write"
      keyOf={phone => phone.username}
      nameOf={phone => phone.username}
      wordsOf={phone => `${phone.username} ${phone.extension ?? ''} ${nameOfUser(phone.userId)}`}
      columns={[
        { name: t('field.username'), cell: phone => <bdi>{phone.username}</bdi> },
        { name: t('field.extension'), cell: phone => <bdi dir="ltr">{phone.extension ?? '-'}</bdi> },
        { name: t('field.userId'), cell: phone => <bdi>{nameOfUser(phone.userId)}</bdi> },
        { name: t('phone.registered'), cell: phone => <Registrations phone={phone} /> }
      ]}
      fields={fields}
      fresh={{ username: '', extension: null, userId: null }}
      create={async values => {
        const username = String(values['username']).trim()
        const { password } = await put(username, values)
        if (password !== null) setMade({ username, password })
      }}
      change={(phone, values) => put(phone.username, { ...phone, ...values })}
      canRemove
      usedBy={() => t('phone.usedBy')}
      notice={
        made !== null && (
          <SecretOnce
            says={t('phone.once', { name: made.username })}
            secret={made.password}
            onStored={() => setMade(null)}
          />
        )
      }
      more={phone => <PhoneDetail key={phone.username} phone={phone} ownerName={nameOfUser(phone.userId)} />}
      refreshMs={REFRESH_MS}
    />
  )
}
