import type { Page } from 'playwright-core'
import type { DeskBrowser, DeskPageOptions } from './desk-browser.ts'
import type { DeskServer } from './desk-server.ts'

/** Opens the desk and begins the shift: microphone and sound are open, the agent is available. */
export async function startShift(
  browser: DeskBrowser,
  server: DeskServer,
  options: DeskPageOptions = {}
): Promise<Page & { faults: string[] }> {
  const page = await browser.open(server.url, options)
  await page.getByTestId('start-shift').click()
  await server.next('status')
  await page.locator('[data-testid=call-bar]:not([data-state=beforeShift])').waitFor()
  return page
}

/** Waits until the call bar is about this. */
export async function barBecomes(page: Page, state: string): Promise<void> {
  await page.locator(`[data-testid=call-bar][data-state=${state}]`).waitFor()
}
