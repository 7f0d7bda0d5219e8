/**
 * How soon a recording of an hour is heard in Chromium after the click on play, how soon after a click into its middle, and
 * how much of it is fetched for that. The page, the server, the decryption and the browser are the real ones.
 */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CDPSession, Page } from 'playwright-core'
import { newDataKey } from '../../media/recordings/sealed-audio.ts'
import { loadFlac } from '../../media/recordings/flac.ts'
import { RecordingFileWriter } from '../../media/recordings/recording-file-writer.ts'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import { newId } from '../../server/ids.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { ringFromFile } from '../../server/recordings/key-ring.ts'
import { LONG_TONE } from '../../test/support/flows.ts'
import { signInPeople } from '../../test/support/people.ts'
import { TestParley } from '../../test/support/parley.ts'
import { ringOnce } from '../../test/support/transcripts.ts'
import { builtDesk } from '../../test/web/support/built-desk.ts'
import { DeskBrowser } from '../../test/web/support/desk-browser.ts'
import { openAs } from '../../test/web/support/signed-in.ts'

const MINUTES = Number(process.env['PARLEY_BENCH_MINUTES'] ?? 60)
const ROUNDS = Number(process.env['PARLEY_BENCH_ROUNDS'] ?? 20)
const NUMBER = '+12025550199'
/** Where in the recording the seeks go, in shares of its length. */
const SEEKS = [0.5, 0.9, 0.25]

/** Watches the page's one player: when sound moves on after the last click. */
const WATCH = `{
  const Sound = window.Audio
  window.Audio = function (...given) { return (window.sound = new Sound(...given)) }
  addEventListener('click', () => {
    const clickedAt = performance.now()
    const from = window.sound?.currentTime
    window.heardAfter = undefined
    const look = () => {
      const { sound } = window
      const isMoved = sound.currentTime !== from || from === undefined
      if (!sound.paused && !sound.seeking && sound.readyState >= 3 && isMoved) window.heardAfter = performance.now() - clickedAt
      else requestAnimationFrame(look)
    }
    setTimeout(look)
  }, true)
}`

await builtDesk()
await using browser = await DeskBrowser.launch()
await using server = await TestParley.start({ hasDemoData: true })
const { quinn } = await signInPeople(server, ['quinn'])
await server.addNumber(NUMBER, await server.publish(LONG_TONE))
const callId = await ringOnce(server, NUMBER)
const sealedBytes = await storeHour(callId)

const starts: number[] = []
const seeks: number[] = []
const openBytes: number[] = []
const startBytes: number[] = []
const seekBytes: number[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  const page = await openAs(browser, server, { username: 'quinn', password: quinn.password }, { path: '/' })
  await page.addInitScript(WATCH)
  const fetched = await countAudio(page)
  await page.goto(`${server.url}/quality/calls/${callId}`)
  await page.getByTestId('wave').locator('div').first().waitFor()
  openBytes.push(fetched.take())
  await page.getByTestId('play').click()
  starts.push(await heard(page))
  startBytes.push(fetched.take())
  const box = await page.getByRole('slider').boundingBox()
  if (box === null) throw new Error('the page has no player')
  for (const share of SEEKS) {
    fetched.take()
    await page.mouse.click(box.x + box.width * share, box.y + box.height / 2)
    seeks.push(await heard(page))
    seekBytes.push(fetched.take())
  }
  await page.context().close()
}
const wholeBytes = MINUTES * 60 * 32_000
console.log(
  `a recording of ${MINUTES} minutes: ${mb(sealedBytes)} sealed, ${mb(wholeBytes)} as the player hears it; ${ROUNDS} visits`
)
console.log('| | p50 | p95 | most |')
console.log('| --- | --- | --- | --- |')
row('click on play until sound', starts, one => `${Math.round(one)} ms`)
row('click into the waveform until sound', seeks, one => `${Math.round(one)} ms`)
row('fetched when the page is opened', openBytes, mb)
row('fetched until sound after play', startBytes, mb)
row('fetched until sound after a seek', seekBytes, mb)

/** A recording of so long: somebody speaks in bursts on each side, over a little noise. */
async function storeHour(forCall: string): Promise<number> {
  const policy: RecordingPolicy = {
    policy: 'one_party',
    obligation: null,
    isCompulsory: false,
    endsOnFailure: false,
    isOnDemand: false,
    reasons: []
  }
  const grant = await RecordingGrant.obtain(server.parley.db, {
    callId: forCall,
    party: 'customer',
    policy,
    places: ['US-DC'],
    method: 'notRequired',
    language: 'en',
    wording: null
  })
  const id = newId()
  const key = newDataKey()
  const spool = join(server.dataDir, 'spool', 'recordings')
  const path = join(spool, `${id}.sealed`)
  const writer = RecordingFileWriter.create(path, id, key, await loadFlac())
  const second = new Int16Array(16_000)
  for (let at = 0; at < MINUTES * 60; at += 1) {
    for (let sample = 0; sample < 8_000; sample += 1) {
      const voice =
        Math.sin(sample / 6 + Math.sin(sample / 90)) * 6_000 * (Math.floor(sample / 1_000) % 3 === 0 ? 0.1 : 1)
      const noise = Math.random() * 200 - 100
      second[sample * 2] = (at % 8 < 4 ? voice : 0) + noise
      second[sample * 2 + 1] = (at % 8 < 4 ? 0 : voice) + noise
    }
    writer.add(at * 1_000, second)
  }
  const closed = writer.close(MINUTES * 60_000)
  const keys = await ringFromFile(join(server.dataDir, 'recording-keys.json'))
  const note = {
    id,
    callId: forCall,
    consentId: grant.id,
    store: 'local',
    objectKey: `local/2026-11-28/${id}.sealed`,
    key: await keys.wrap(key, id),
    answeredAt: new Date().toISOString(),
    language: 'en',
    closed
  }
  await writeFile(join(spool, `${id}.json`), JSON.stringify(note))
  const { size } = await stat(path)
  const limit = AbortSignal.timeout(30_000)
  while ((await server.parley.recordings.library.find(id))?.state !== 'stored') {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return size
}

/** Bytes of audio that have come since the last look. */
async function countAudio(page: Page): Promise<{ take(): number }> {
  const session: CDPSession = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  const audio = new Set<string>()
  let bytes = 0
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.url.endsWith('/audio')) audio.add(requestId)
  })
  session.on('Network.dataReceived', ({ requestId, dataLength }) => {
    if (audio.has(requestId)) bytes += dataLength
  })
  return {
    take() {
      const taken = bytes
      bytes = 0
      return taken
    }
  }
}

async function heard(page: Page): Promise<number> {
  const limit = AbortSignal.timeout(20_000)
  for (;;) {
    const ms = await page.evaluate('window.heardAfter')
    if (typeof ms === 'number') return ms
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function row(name: string, values: readonly number[], shown: (value: number) => string): void {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => shown(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0)
  console.log(`| ${name} | ${at(0.5)} | ${at(0.95)} | ${at(1)} |`)
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`
}
