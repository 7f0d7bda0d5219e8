import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'

const SCHEMES = ['auto', 'light', 'dark'] as const

export function AppearanceMenu() {
  const { t } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label={t('shell.appearance')}>
          <ActionIcon
            variant="subtle"
            color="gray"
            c="var(--mantine-color-text)"
            size={36}
            aria-label={t('shell.appearance')}
          >
            <Icon name={colorScheme === 'dark' ? 'moon' : 'sun'} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map(scheme => (
          <Menu.Item
            key={scheme}
            leftSection={scheme === colorScheme ? <Icon name="check" size={16} /> : <span style={{ width: 16 }} />}
            onClick={() => setColorScheme(scheme)}
          >
            {t(`shell.scheme.${scheme}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
