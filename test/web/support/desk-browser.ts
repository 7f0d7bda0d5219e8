import { createRequire } from 'node:module'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { generateTone } from '../../../media/audio/tone.ts'
import { writeWav } from '../../../media/audio/wav.ts'

const CHROMIUM = '/usr/bin/chromium'
const LIMIT_MS = 60_000

export type DeskPageOptions = Readonly<{
  path?: string
  language?: string
  colours?: 'light' | 'dark'
  width?: number
  height?: number
  /** In an earlier browser session of the same person, so that a tab shares storage. */
  context?: BrowserContext
}>

/** A Chromium whose microphone hears one tone, which noise suppression would take away; everything about it ends with it. */
export class DeskBrowser implements AsyncDisposable {
  readonly #browser: Browser

  readonly #folder: string

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser
    this.#folder = folder
  }

  /** `--deny-permission-prompts` among the arguments gives a browser that asks nobody and allows nothing. */
  static async launch(more: readonly string[] = []): Promise<DeskBrowser> {
    const isStrict = more.includes('--deny-permission-prompts')
    const folder = await mkdtemp(join(tmpdir(), 'parley-desk-'))
    const wav = join(folder, 'voice.wav')
    const samples = generateTone({ frequenciesHz: [440], durationMs: 10_000, sampleRateHz: 48_000 })
    await writeFile(wav, writeWav({ sampleRateHz: 48_000, channels: 1, samples }))
    return new DeskBrowser(
      await chromium.launch({
        executablePath: CHROMIUM,
        args: [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          // A process less, and no drawing for a screen that nobody sees.
          '--in-process-gpu',
          '--disable-software-rasterizer',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
          '--use-fake-device-for-media-stream',
          ...(isStrict ? [] : ['--use-fake-ui-for-media-stream']),
          '--autoplay-policy=no-user-gesture-required',
          `--use-file-for-fake-audio-capture=${wav}`,
          ...more
        ]
      }),
      folder
    )
  }

  async context(options: DeskPageOptions = {}): Promise<BrowserContext> {
    const { language = 'en', colours = 'light', width = 1440, height = 900 } = options
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: colours,
      locale: language,
      timezoneId: 'Asia/Dubai',
      permissions: ['microphone', 'notifications'],
      reducedMotion: 'reduce'
    })
    context.setDefaultTimeout(LIMIT_MS)
    await context.addInitScript(`localStorage.getItem('parley.prefs') ??
      localStorage.setItem('parley.prefs', JSON.stringify({ language: ${JSON.stringify(language)}, isMicrophoneCleaned: false }))`)
    return context
  }

  async contextWithoutMicrophone(): Promise<BrowserContext> {
    const context = await this.#browser.newContext({ permissions: [] })
    context.setDefaultTimeout(LIMIT_MS)
    return context
  }

  /** Opens the desk of a server; faults of the page are collected in `faults`. */
  async open(url: string, options: DeskPageOptions = {}): Promise<Page & { faults: string[] }> {
    const context = options.context ?? (await this.context(options))
    const page = Object.assign(await context.newPage(), { faults: [] as string[] })
    page.on('pageerror', err => page.faults.push(String(err)))
    page.on('console', message => {
      const isRefusal = /Failed to load resource|WebSocket connection/.test(message.text())
      if (message.type() === 'error' && !isRefusal) page.faults.push(message.text())
    })
    await page.goto(url + (options.path ?? '/desk'))
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    await rm(this.#folder, { recursive: true })
  }
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe finds wrong on the page as it is now, one line each. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(await readFile(axePath, 'utf8'))
  const result = (await page.evaluate(`axe.run(document, { resultTypes: ['violations'] })`)) as {
    violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[]
  }
  return result.violations.flatMap(({ id, nodes }) =>
    nodes.map(node => `${id}: ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\n', ' ')}`)
  )
}
