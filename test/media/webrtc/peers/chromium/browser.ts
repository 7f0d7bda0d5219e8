import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { generateTone } from '../../../../../media/audio/tone.ts'
import { writeWav } from '../../../../../media/audio/wav.ts'

const CHROMIUM = '/usr/bin/chromium'

export type PageServer = AsyncDisposable & Readonly<{ url: string }>

/** Serves one empty page with the softphone's script, from loopback, where browsers give the microphone. */
export async function servePage(): Promise<PageServer> {
  const script = await bundle()
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(
      isScript ? script : '<!doctype html><title>Softphone</title><script type="module" src="/page.js"></script>'
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('.', import.meta.url)),
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(new URL('./page.mjs', import.meta.url)), formats: ['es'], fileName: 'page' }
    }
  })
  const [output] = Array.isArray(built) ? built : [built]
  if (output === undefined || !('output' in output)) throw new Error('the page was not bundled')
  return output.output[0].code
}

export type TestBrowser = AsyncDisposable & Readonly<{ browser: Browser; newPage(url: string): Promise<Page> }>

/** A Chromium whose microphone says one tone. */
export async function launchBrowser(microphoneHz: number): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'softphone-'))
  const wav = join(folder, 'tone.wav')
  const samples = generateTone({ frequenciesHz: [microphoneHz], durationMs: 10_000, sampleRateHz: 48_000 })
  await writeFile(wav, writeWav({ sampleRateHz: 48_000, channels: 1, samples }))
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      `--use-file-for-fake-audio-capture=${wav}`
    ]
  })
  return {
    browser,
    async newPage(url) {
      const page = await browser.newPage()
      await page.goto(url)
      return page
    },
    async [Symbol.asyncDispose]() {
      await browser.close()
      await rm(folder, { recursive: true })
    }
  }
}
