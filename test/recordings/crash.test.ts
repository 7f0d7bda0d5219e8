import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import { parseWav } from '../../media/audio/wav.ts'
import { ADMIN_PASSWORD } from '../support/parley.ts'
import { placePgliteDatabase } from '../support/database-template.ts'
import { placePackCache } from '../support/pack-cache.ts'
import { Program } from '../support/programs.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { CALLERS, RECORDED } from './support.ts'

const READY = /Ctrl-C drains running calls/
const NUMBER = '+12025550177'

type Answer = { status: number; body: Record<string, unknown> & { items?: Record<string, unknown>[] } }

async function startMain(dataDir: string) {
  const program = await Program.start('server/main.ts', [], READY, {
    PARLEY_DATA_DIR: dataDir,
    PARLEY_HTTP_PORT: '0',
    PARLEY_SIP_PORT: '0',
    PARLEY_RTP_PORTS: '58000-58400',
    PARLEY_WEBRTC_PORT: '0',
    PARLEY_DEMO_DATA: 'false',
    PARLEY_ADMIN_PASSWORD: ADMIN_PASSWORD
  })
  const facts = JSON.parse(await readFile(join(dataDir, 'quickstart.json'), 'utf8')) as {
    http: string
    sip: { host: string; udpPort: number }
  }
  const session = await fetch(`${facts.http}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD })
  })
  const { token } = (await session.json()) as { token: string }
  const get = (path: string) => fetch(`${facts.http}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } })
  const api = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${facts.http}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
  return { program, api, get, sip: `${facts.sip.host}:${facts.sip.udpPort}` }
}

t.test('a server that is killed loses the last five seconds of a recording at most', { timeout: 280_000 }, async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-crash-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  await placePgliteDatabase(join(dataDir, 'database'))
  await placePackCache(dataDir)
  const first = await startMain(dataDir)
  await first.api('POST', '/flows', { source: RECORDED })
  await first.api('POST', '/flows/recorded/publish', { version: 1 })
  t.equal((await first.api('POST', '/numbers', { number: NUMBER, language: 'en', flowId: 'recorded' })).status, 201)
  await using phone = await startSipPhone({ transport: 'udp', user: CALLERS.washington })
  await using audio = await startRtpPeer()
  const call = phone.call(`sip:${NUMBER}@${first.sip}`, { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendTone(1000)
  await audio.hears(880)
  const talkedFromMs = performance.now()
  // Twelve seconds of the call, by what the caller hears of it.
  const packets = audio.packetsReceived
  await audio.receives(packets + 600, { limitMs: 60_000 })
  const talkedMs = performance.now() - talkedFromMs
  await first.program.kill()

  const second = await startMain(dataDir)
  const limit = AbortSignal.timeout(60_000)
  let recording: Record<string, unknown> | undefined
  while (recording === undefined) {
    recording = (await second.api('GET', '/recordings')).body.items?.[0]
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const durationMs = recording['durationMs'] as number
  t.ok(durationMs >= talkedMs - 5_000, `${durationMs} ms of ${Math.round(talkedMs)} ms are there`)
  const wav = parseWav(
    Buffer.from(await (await second.get(`/recordings/${String(recording['id'])}/audio`)).arrayBuffer())
  )
  const left = wav.samples.filter((_, index) => index % 2 === 0).subarray(8_000)
  t.ok(toneShare(left, 1000) > 0.9, 'and play')
  await second.program.kill()
})
