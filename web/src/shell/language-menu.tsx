import { Button, Menu } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { changeLanguage } from '../i18n/i18n.ts'
import { Icon } from '../parts/icons.tsx'
import { LANGUAGE_NAMES, LANGUAGES, type Language, prefs, setPrefs } from '../prefs.ts'
import { useStore } from '../store.ts'

/** Changes the language of the page at once; each language stands in its own words. */
export function LanguageMenu() {
  const { t, i18n } = useTranslation()
  const digits = useStore(prefs, one => one.digits)
  const current = i18n.language as Language
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          leftSection={<Icon name="globe" />}
          aria-label={`${t('shell.language')}: ${LANGUAGE_NAMES[current]}`}
        >
          {LANGUAGE_NAMES[current]}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map(language => (
          <Menu.Item
            key={language}
            lang={language}
            dir={language === 'ar' ? 'rtl' : 'ltr'}
            leftSection={language === current ? <Icon name="check" size={16} /> : <span style={{ width: 16 }} />}
            onClick={() => void changeLanguage(language)}
          >
            {LANGUAGE_NAMES[language]}
          </Menu.Item>
        ))}
        {current === 'ar' && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => setPrefs({ digits: digits === 'latn' ? 'arab' : 'latn' })}>
              {digits === 'latn' ? t('shell.arabicDigits') : t('shell.latinDigits')}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
