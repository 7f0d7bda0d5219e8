import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type {
  AudioSource,
  Hearing,
  OrtcDocument,
  SoftphoneConnection,
  SoftphoneMedia,
  Way
} from '../../../../../media/webrtc/softphone-media.ts'
import { aborted, contract, reached, reportEngines } from '../../support/engines.ts'
import { FreeswitchPeer } from '../../support/freeswitch-peer.ts'
import { launchBrowser, servePage } from './browser.ts'

const MICROPHONE_HZ = 440
/** The page's bins are 6 Hz wide, and PCMU's own noise moves a peak by no more than one. */
const TOLERANCE_HZ = 12

const server = await servePage()
const browser = await launchBrowser(MICROPHONE_HZ)
t.teardown(async () => {
  await browser[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})
t.jobs = 1
reportEngines()

/** The server's part of the signalling, for one page at a time; each load of the page begins a new connection. */
class Signalling {
  readonly sources = new Map<string, AudioSource>()
  readonly connections: SoftphoneConnection[] = []
  readonly #media: SoftphoneMedia
  readonly #hearings = new Map<string, Hearing>()
  microphone: AudioSource | undefined

  constructor(media: SoftphoneMedia) {
    this.#media = media
  }

  get connection(): SoftphoneConnection {
    return this.connections.at(-1)!
  }

  async answer(method: string, ...parameters: readonly unknown[]): Promise<unknown> {
    switch (method) {
      case 'open':
        this.connections.push(await this.#media.createConnection())
        return { rtpCapabilities: this.#media.rtpCapabilities, offers: this.connection.offers }
      case 'connect':
        return this.connection.connect(parameters[0] as Way, parameters[1] as OrtcDocument)
      case 'speak':
        this.microphone = await this.connection.speak(parameters[0] as OrtcDocument)
        return this.microphone.id
      case 'hear': {
        const source = this.sources.get(parameters[0] as string)!
        const hearing = await this.connection.hear(source, parameters[1] as OrtcDocument)
        this.#hearings.set(parameters[0] as string, hearing)
        return hearing.offer
      }
      case 'resume':
        return this.#hearings.get(parameters[0] as string)!.resume()
      case 'restartIce':
        return this.connection.restartIce(parameters[0] as Way)
      default:
        throw new Error(`no ${method} here`)
    }
  }
}

async function openPage(t: Test, media: SoftphoneMedia): Promise<Readonly<{ page: Page; signalling: Signalling }>> {
  const signalling = new Signalling(media)
  const page = await browser.newPage(server.url)
  t.teardown(() => page.close())
  await page.exposeFunction('sfu', (method: string, ...rest: unknown[]) => signalling.answer(method, ...rest))
  return { page, signalling }
}

const run = <Result>(page: Page, script: string) => page.evaluate(script) as Promise<Result>

/** Waits until the page hears this tone. */
async function pageHears(page: Page, source: string, hz: number): Promise<void> {
  await page.waitForFunction(`Math.abs(softphone.peak('${source}') - ${hz}) < ${TOLERANCE_HZ}`)
}

contract(
  'a browser and FreeSWITCH hear each other, through ICE restart and reload',
  async (t, media) => {
    const { page, signalling } = await openPage(t, media)
    const side = await media.createPlainSide()
    await using freeswitch = await FreeswitchPeer.answer(side, 1_000, MICROPHONE_HZ)
    freeswitch.talk()
    signalling.sources.set('caller', side.source)

    await run(page, 'softphone.join()')
    const codecs = await run<readonly OrtcDocument[]>(page, 'softphone.speak()')
    t.match(codecs, [{ mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000 }])
    await reached(signalling.connection, 'connected')
    await side.send(signalling.microphone!)
    await freeswitch.heard.heard()
    const firstSoundMs = await run<number>(page, `softphone.hear('caller')`)
    await pageHears(page, 'caller', 1_000)
    t.comment(`the caller was heard ${Math.round(firstSoundMs)} ms after it was asked for`)
    const cipher = await run<string>(page, 'softphone.srtpCipher()')
    t.match(cipher, /^SRTP_AEAD_AES_(128|256)_GCM$/)

    await run(page, 'softphone.restartIce()')
    const count = freeswitch.heard.packets.length
    await freeswitch.heard.until(() => freeswitch.heard.packets.length > count + 50)
    await freeswitch.heard.heard()
    await pageHears(page, 'caller', 1_000)
    t.equal(signalling.connection.state, 'connected', 'after the ICE restart')

    const before = signalling.connection
    const oldMicrophone = signalling.microphone!
    await page.reload()
    const reloadedAt = performance.now()
    await run(page, 'softphone.join()')
    await run(page, 'softphone.speak()')
    await side.send(signalling.microphone!)
    const again = freeswitch.heard.packets.length
    await freeswitch.heard.until(() => freeswitch.heard.packets.length > again + 20)
    await freeswitch.heard.heard()
    t.not(signalling.connection.id, before.id)
    await run(page, `softphone.hear('caller')`)
    await pageHears(page, 'caller', 1_000)
    t.comment(`both ways again ${Math.round(performance.now() - reloadedAt)} ms after the reload`)
    await before[Symbol.asyncDispose]()
    await aborted(oldMicrophone.closed)
  },
  { timeout: 280_000 }
)

contract(
  'two browsers speak Opus with each other',
  async (t, media) => {
    const [first, second] = [await openPage(t, media), await openPage(t, media)]
    await run(first.page, 'softphone.join()')
    const codecs = await run<readonly OrtcDocument[]>(first.page, `softphone.speak('audio/opus')`)
    t.match(codecs, [{ mimeType: 'audio/opus' }])
    await run(second.page, 'softphone.join()')
    second.signalling.sources.set('colleague', first.signalling.microphone!)
    await run(second.page, `softphone.hear('colleague')`)
    await pageHears(second.page, 'colleague', MICROPHONE_HZ)
    t.pass('the tone came through')
    await first.signalling.connection.mute(true)
    await second.page.waitForFunction(`softphone.peak('colleague') === 0`)
    t.pass('and went with mute')
    await first.signalling.connection.mute(false)
    await pageHears(second.page, 'colleague', MICROPHONE_HZ)
  },
  { timeout: 280_000 }
)

contract(
  'a page that is closed is noticed when its checks stay away',
  async (t, media) => {
    const { page, signalling } = await openPage(t, media)
    await run(page, 'softphone.join()')
    await run(page, 'softphone.speak()')
    await reached(signalling.connection, 'connected')
    await page.close()
    const closedAt = performance.now()
    await Promise.race([reached(signalling.connection, 'closed'), reached(signalling.connection, 'disconnected')])
    t.pass(`${signalling.connection.state} ${Math.round(performance.now() - closedAt)} ms after the page`)
  },
  { timeout: 280_000 }
)
