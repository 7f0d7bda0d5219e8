/** Callers of the bench in a process of their own: they wait for the greeting, ask, wait for the answer, ask again. */
import { setTimeout as delay } from 'node:timers/promises'
import { meanSquare } from '../../media/audio/goertzel.ts'
import { startRtpPeer } from '../../test/support/rtp-peer.ts'
import { startSipPhone } from '../../test/support/sip-phone.ts'
import { thenSilence, toneSpeech } from '../../test/support/tone-recognizer.ts'

const [host = '', port = '', number = '', calls = '1', questions = '1', hz = '500'] = process.argv.slice(2)
const BETWEEN_CALLS_MS = 120
const QUIET_MS = 900
const QUIET = 100 ** 2

let failed = 0
const running: Promise<void>[] = []
for (let index = 0; index < Number(calls); index += 1) {
  running.push(
    converse().catch(err => {
      failed += 1
      console.error(String(err))
    })
  )
  await delay(BETWEEN_CALLS_MS)
}
await Promise.all(running)
process.stdout.write(JSON.stringify({ failed }))

async function converse(): Promise<void> {
  await using phone = await startSipPhone({ transport: 'udp' })
  await using audio = await startRtpPeer()
  const call = phone.call(`sip:${number}@${host}:${port}`, { sdp: audio.sdp() })
  const ear = { lastLoudAtMs: 0 }
  audio.onFrame = pcm => {
    if (meanSquare(pcm) > QUIET) ear.lastLoudAtMs = performance.now()
  }
  audio.connect((await call.answered()).sdp).sendSilence()
  await audio.hears(440, { limitMs: 60_000 })
  await silence(ear)
  for (let asked = 0; asked < Number(questions); asked += 1) {
    const askedAtMs = performance.now()
    audio.sendFrames(thenSilence(toneSpeech([Number(hz)])))
    await soundSince(ear, askedAtMs)
    await silence(ear)
  }
  await call.bye()
}

type Ear = Readonly<{ lastLoudAtMs: number }>

async function soundSince(ear: Ear, sinceMs: number): Promise<void> {
  const limit = AbortSignal.timeout(20_000)
  while (ear.lastLoudAtMs <= sinceMs) await delay(20, undefined, { signal: limit })
}

/** A bot pauses between sentences; when it is quiet for longer than that, it listens. In quiet no packets may come at all. */
async function silence(ear: Ear): Promise<void> {
  const limit = AbortSignal.timeout(40_000)
  while (performance.now() - ear.lastLoudAtMs < QUIET_MS) await delay(50, undefined, { signal: limit })
}
