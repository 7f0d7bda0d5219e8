import type { BrowserContext, Page } from 'playwright-core'
import type { TestParley } from '../../support/parley.ts'
import type { DeskBrowser, DeskPageOptions } from './desk-browser.ts'

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>

/** Signing in is limited to a few times a minute, so that everybody does it once. */
const sessions = new Map<string, Cookies>()

/** Opens a page of a whole Parley as somebody who is signed in there. */
export async function openAs(
  browser: DeskBrowser,
  server: TestParley,
  person: Readonly<{ username: string; password: string }>,
  options: DeskPageOptions & Readonly<{ path: string }>
): Promise<Page & { faults: string[] }> {
  const context = await browser.context(options)
  const key = `${server.url} ${person.username}`
  const known = sessions.get(key)
  if (known !== undefined) await context.addCookies(known)
  else {
    const answer = await context.request.post(`${server.url}/api/v1/session`, { data: person })
    if (!answer.ok()) throw new Error(await answer.text())
    sessions.set(key, await context.cookies())
  }
  return await browser.open(server.url, { ...options, context })
}

/** The looks that every screen is tried in. */
export const LOOKS = [
  { name: 'light', language: 'en', colours: 'light' },
  { name: 'dark', language: 'en', colours: 'dark' },
  { name: 'arabic', language: 'ar', colours: 'light' }
] as const

/** Keys that were never translated look like `call.mute`. */
export const UNTRANSLATED = String.raw`(document.querySelector('main').innerText.match(/\b(figure|formula|field|tab|used|list|form|help|fault|kind|definition|graph|walk|publish|step)\.[a-zA-Z.]+\b/g) ?? [])`

const FITS = 'document.documentElement.scrollWidth <= innerWidth'
const NEXT_FRAME = 'new Promise(resolve => requestAnimationFrame(() => resolve()))'
const SETTLED_MS = 5_000

/** Whether a page needs no moving sideways once it has settled in its window. */
export async function fitsWindow(page: Page): Promise<boolean> {
  const limitMs = performance.now() + SETTLED_MS
  for (;;) {
    if (await page.evaluate<boolean>(FITS)) return true
    if (performance.now() > limitMs) return false
    await page.evaluate(NEXT_FRAME)
  }
}
