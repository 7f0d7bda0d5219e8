import '@mantine/core/styles/Modal.layer.css'
import '@mantine/core/styles/Table.layer.css'
import { Button, Kbd, Modal, Table } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { prefs } from '../prefs.ts'
import { useStore } from '../store.ts'
import {
  COMMANDS,
  type Command,
  keysAsWords,
  keysOf,
  keysOfEvent,
  type RemapRefusal,
  remap,
  suspendCommands
} from './shortcuts.ts'

/** All shortcuts, each of which can be given other keys. */
export function KeyList({ onClose }: Readonly<{ onClose(): void }>) {
  const { t } = useTranslation()
  const shortcuts = useStore(prefs, one => one.shortcuts)
  const [asking, setAsking] = useState<Command | null>(null)
  const [refusal, setRefusal] = useState<RemapRefusal | null>(null)
  useEffect(() => {
    suspendCommands(asking !== null)
    return () => suspendCommands(false)
  }, [asking])
  const take = (event: React.KeyboardEvent) => {
    if (asking === null || event.key === 'Tab') return
    event.preventDefault()
    event.stopPropagation()
    if (event.key === 'Escape') {
      setAsking(null)
      return
    }
    const keys = keysOfEvent(event.nativeEvent)
    if (keys === null) return
    const no = remap(asking, keys)
    setRefusal(no)
    if (no === null) setAsking(null)
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('keys.title')}
      size="lg"
      closeOnEscape={asking === null}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <p>{t('keys.says')}</p>
      {refusal !== null && <p role="alert">{t(`keys.refused.${refusal}`)}</p>}
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('keys.does')}</Table.Th>
            <Table.Th>{t('keys.keys')}</Table.Th>
            <Table.Th>{t('keys.change')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {(Object.keys(COMMANDS) as Command[]).map(command => (
            <Table.Tr key={command}>
              <Table.Td>{t(`command.${command}`)}</Table.Td>
              <Table.Td>
                <Kbd className="ltr">{keysAsWords(keysOf(command, shortcuts))}</Kbd>
              </Table.Td>
              <Table.Td>
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-label={t('keys.changeOf', { command: t(`command.${command}`) })}
                  onClick={() => {
                    setRefusal(null)
                    setAsking(command)
                  }}
                  onKeyDownCapture={take}
                >
                  {asking === command ? t('keys.press') : t('keys.change')}
                </Button>{' '}
                {shortcuts[command] !== undefined && (
                  <Button size="compact-sm" variant="subtle" onClick={() => remap(command, null)}>
                    {t('keys.default')}
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  )
}
