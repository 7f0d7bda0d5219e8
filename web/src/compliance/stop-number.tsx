import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useMay } from '../admin/use-may.ts'
import { queryClient } from '../api/query-client.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'

/** Puts a number on our own list at once, in every campaign; for ten seconds it can be taken back. */
export function StopNumber({ number }: Readonly<{ number: string }>) {
  const { t } = useTranslation('compliance')
  const refusal = useMay('dnc-lists:write')
  const change = useMutation({
    mutationFn: (kind: 'stop' | 'lift') =>
      api<void>(`/dnc-lists/internal/${kind}`, { method: 'POST', body: { number, channel: 'form' } }),
    onSuccess(_done, kind) {
      void queryClient.invalidateQueries({ queryKey: ['compliance'] })
      if (kind === 'stop') notify(t('stop.done'), { undo: () => change.mutate('lift') })
      else notify(t('stop.undone'))
    }
  })
  return (
    <>
      <div>
        <Button
          variant="default"
          color="red"
          loading={change.isPending}
          disabled={refusal !== null}
          title={refusal ?? undefined}
          onClick={() => change.mutate('stop')}
        >
          {t('stop.button')}
        </Button>
      </div>
      {change.isError && <Problem error={change.error} />}
    </>
  )
}
