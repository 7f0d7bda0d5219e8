import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** Offers the new order of a table that stands still because somebody is in it. */
export function ShowChanges({ count, onShow }: Readonly<{ count: number; onShow(): void }>) {
  const { t } = useTranslation('supervision')
  if (count === 0) return null
  return (
    <Button size="compact-sm" variant="light" onClick={onShow}>
      {t('changes', { count })}
    </Button>
  )
}
