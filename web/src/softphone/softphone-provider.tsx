import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react'
import { ApiError, api } from '../api/client.ts'
import { connectivity } from '../api/connectivity.ts'
import { sessionEnded } from '../api/session.ts'
import { notify } from '../parts/notices.tsx'
import { codeOf, useProblemWords } from '../parts/problem.tsx'
import { type Store, useStore } from '../store.ts'
import { Softphone } from './softphone.ts'
import { tabId } from './tab.ts'
import { FIRST_VIEW, type SoftphoneView } from './view.ts'

const SoftphoneContext = createContext<Softphone | null>(null)
const NO_SOFTPHONE: Store<SoftphoneView> = {
  get: () => FIRST_VIEW,
  set: () => undefined,
  subscribe: () => () => undefined
}

/** Owns the softphone of the signed-in person for as long as the shell is there; `isWanted` says whether the role has one. */
export function SoftphoneProvider({ isWanted, children }: Readonly<{ isWanted: boolean; children: ReactNode }>) {
  const [softphone, setSoftphone] = useState<Softphone | null>(null)
  const words = useProblemWords()
  const wordsOf = useRef(words)
  useEffect(() => {
    wordsOf.current = words
  })
  useEffect(() => {
    if (!isWanted) return
    let own: Softphone | null = null
    let isGone = false
    void tabId().then(tab => {
      if (isGone) return
      own = new Softphone(tab, {
        notice(code, text) {
          // Told instead of being cut off, because a call is going on.
          if (code === 'SESSION_ENDED') sessionEnded.set(true)
          else notify(text === '' ? wordsOf.current({ code }) : text, { code })
        },
        signedOut: () => sessionEnded.set(true),
        refused: () => void askWhetherSignedIn(),
        reached: () => connectivity.reached('softphone'),
        lost: () => connectivity.lost('softphone')
      })
      setSoftphone(own)
    })
    return () => {
      isGone = true
      own?.close()
      connectivity.reached('softphone')
      setSoftphone(null)
    }
  }, [isWanted])
  return <SoftphoneContext value={softphone}>{children}</SoftphoneContext>
}

/** A browser does not tell why a WebSocket was refused; the session does. */
async function askWhetherSignedIn(): Promise<void> {
  try {
    await api('/session')
  } catch (err) {
    // Any other error means that the server is away, which the banner says already.
    if (err instanceof ApiError && err.status === 401) sessionEnded.set(true)
  }
}

/** The softphone; null for roles without one and in the first moment of the page. */
export function useSoftphone(): Softphone | null {
  return useContext(SoftphoneContext)
}

/** What the softphone shows; before there is one, a view without connection. */
export function useSoftphoneView(): SoftphoneView {
  return useStore(useSoftphone()?.store ?? NO_SOFTPHONE)
}

/** Does something with the softphone; a refusal becomes a notice in words with its code. */
export function useAct(): (work: (softphone: Softphone) => Promise<unknown>) => void {
  const softphone = useSoftphone()
  const wordsOf = useProblemWords()
  return work => {
    if (softphone === null) return
    work(softphone).catch(err => notify(wordsOf(err), { level: 'notice', code: codeOf(err) }))
  }
}

/** Begins the shift, or goes on with it, and becomes available. Asks once for desktop notifications, as clicks must. */
export function useStartShift(): () => void {
  const act = useAct()
  return () => {
    if ('Notification' in globalThis && Notification.permission === 'default') void Notification.requestPermission()
    act(softphone => softphone.startShift('available'))
  }
}
