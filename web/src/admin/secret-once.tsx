import { Button, CopyButton } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import classes from './admin.module.css'

/** Something secret that the server gives once: to copy, until the person says that it is stored. */
export function SecretOnce({ says, secret, onStored }: Readonly<{ says: string; secret: string; onStored(): void }>) {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  return (
    <div className={classes['key']} role="status" data-testid="new-key">
      <p style={{ marginBlockStart: 0 }}>{says}</p>
      <code className="ltr">{secret}</code>{' '}
      <CopyButton value={secret}>
        {({ copied, copy }) => (
          <Button size="compact-sm" variant="default" onClick={copy}>
            {copied ? common('action.copied') : common('action.copy')}
          </Button>
        )}
      </CopyButton>{' '}
      <Button size="compact-sm" variant="default" onClick={onStored}>
        {t('keys.stored')}
      </Button>
    </div>
  )
}
