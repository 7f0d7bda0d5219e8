import { Alert, Button, CopyButton } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/client.ts'
import { Icon } from './icons.tsx'
import classes from './problem.module.css'

/** The stable code of any error that this program throws. */
export function codeOf(err: unknown): string {
  const code = (err as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'PAGE_ERROR'
}

/**
 * An error in words: what happened, what was kept, what to do; then its code, with a button to copy both.
 * `kept` is a sentence about what the person does not have to do again.
 */
export function Problem({
  error,
  kept,
  onRetry
}: Readonly<{ error: unknown; kept?: string; onRetry?: (() => void) | undefined }>) {
  const { t } = useTranslation()
  const words = useProblemWords()(error)
  const code = codeOf(error)
  const instance = error instanceof ApiError && error.instance !== null ? ` · ${error.instance}` : ''
  return (
    <Alert color="red" icon={<Icon name="triangle" />} className={classes['problem']} data-testid="problem">
      <p className={classes['words']}>
        {words} {kept}
      </p>
      <div className={classes['row']}>
        <code className="ltr">{code}</code>
        <CopyButton value={`${words} ${code}${instance}`}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant="default" onClick={copy}>
              {copied ? t('action.copied') : t('action.copy')}
            </Button>
          )}
        </CopyButton>
        {onRetry !== undefined && (
          <Button size="compact-sm" onClick={onRetry}>
            {t('action.tryAgain')}
          </Button>
        )}
      </div>
    </Alert>
  )
}

/** Turns an error into a sentence in the reader's language; the server's own sentence where we have none. */
export function useProblemWords(): (error: unknown) => string {
  const { t, i18n } = useTranslation()
  return error => {
    const code = codeOf(error)
    const key = `problem.${code}`
    if (i18n.exists(key)) return t(key as 'problem.PAGE_ERROR')
    const detail = error instanceof Error ? error.message : ''
    return detail === '' ? t('problem.PAGE_ERROR') : t('problem.other', { detail })
  }
}
