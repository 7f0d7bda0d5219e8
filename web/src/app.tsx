import { DirectionProvider, MantineProvider, useDirection } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { lazy, Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { BrowserRouter } from 'react-router'
import { queryClient } from './api/query-client.ts'
import { directionOf } from './i18n/i18n.ts'
import { ErrorCatcher } from './parts/error-catcher.tsx'
import { Notices } from './parts/notices.tsx'
import { Gate } from './shell/gate.tsx'
import { cssVariables, theme } from './theme.ts'

const TvPage = lazy(async () => ({ default: (await import('./wallboard/tv-page.tsx')).TvPage }))

export function App() {
  const { i18n } = useTranslation()
  const direction = directionOf(i18n.language)
  return (
    <DirectionProvider initialDirection={direction} detectDirection={false}>
      <FollowDirection direction={direction} />
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
        <QueryClientProvider client={queryClient}>
          <ErrorCatcher>
            <BrowserRouter>
              <Suspense>{isOnWall() ? <TvPage /> : <Gate />}</Suspense>
            </BrowserRouter>
            <Notices />
          </ErrorCatcher>
        </QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  )
}

/** Turns the page around without building it anew: a call may be running. */
function FollowDirection({ direction }: Readonly<{ direction: 'ltr' | 'rtl' }>) {
  const { setDirection } = useDirection()
  useEffect(() => setDirection(direction), [direction, setDirection])
  return null
}

/** A screen on a wall has no account and needs none. */
export function isOnWall(): boolean {
  return location.pathname === '/tv'
}
