import { DataList, Tabs } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { CustomerCard } from '../../../server/softphone/protocol.ts'
import { CustomerText } from '../parts/people.tsx'
import { Note } from './note.tsx'
import classes from './workspace.module.css'

/** Note, script and what the flow has already asked: the working side of a call. */
export function Workspace({
  callId,
  note,
  customer,
  script,
  language
}: Readonly<{
  callId: string
  note: string
  customer: CustomerCard
  script: string | null
  language: string | null
}>) {
  const { t } = useTranslation('desk')
  return (
    <div className="card">
      <Note callId={callId} fromServer={note} />
      <Tabs defaultValue={script === null ? 'answers' : 'script'} mt="md" keepMounted={false}>
        <Tabs.List>
          {script !== null && <Tabs.Tab value="script">{t('script')}</Tabs.Tab>}
          <Tabs.Tab value="answers">{t('answers.title')}</Tabs.Tab>
        </Tabs.List>
        {script !== null && (
          <Tabs.Panel value="script" pt="md">
            <div className={classes['script']} dir="auto" {...(language !== null && { lang: language })}>
              {script}
            </div>
          </Tabs.Panel>
        )}
        <Tabs.Panel value="answers" pt="md">
          {customer.answers.length === 0 ? (
            <p className={classes['empty']}>{t('answers.none')}</p>
          ) : (
            <DataList size="md" labelWidth="40%">
              {customer.answers.map(field => (
                <DataList.Item key={`${field.label} ${field.value}`}>
                  <DataList.ItemLabel>
                    <bdi>{field.label}</bdi>
                  </DataList.ItemLabel>
                  <DataList.ItemValue>
                    <CustomerText lang={language}>{field.value}</CustomerText>
                  </DataList.ItemValue>
                </DataList.Item>
              ))}
            </DataList>
          )}
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}
