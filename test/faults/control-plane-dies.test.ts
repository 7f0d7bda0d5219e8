import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { placePgliteDatabase } from '../support/database-template.ts'
import { placePackCache } from '../support/pack-cache.ts'
import { ADMIN_PASSWORD } from '../support/parley.ts'
import { placePrompts } from '../support/prompt-cache.ts'
import { patient } from '../support/patience.ts'
import { Program } from '../support/programs.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'

const READY = /Ctrl-C drains running calls/

async function startMain(
  dataDir: string,
  extra: Readonly<Record<string, string>> = {}
): Promise<{ program: Program; url: string; sip: string }> {
  const program = await Program.start('server/main.ts', [], READY, {
    PARLEY_DATA_DIR: dataDir,
    PARLEY_HTTP_PORT: '0',
    PARLEY_SIP_PORT: '0',
    PARLEY_RTP_PORTS: '57000-57400',
    PARLEY_WEBRTC_PORT: '0',
    PARLEY_ADMIN_PASSWORD: ADMIN_PASSWORD,
    ...extra
  })
  const facts = JSON.parse(await readFile(join(dataDir, 'quickstart.json'), 'utf8')) as {
    http: string
    sip: { host: string; udpPort: number }
  }
  return { program, url: facts.http, sip: `${facts.sip.host}:${facts.sip.udpPort}` }
}

async function folder(t: { teardown(fn: () => unknown): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'parley-main-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** As a server that has run before leaves it: the first start of all costs half a minute of a core. */
async function usedFolder(t: { teardown(fn: () => unknown): void }): Promise<string> {
  const path = await folder(t)
  await placePgliteDatabase(join(path, 'database'))
  await Promise.all([placePrompts(join(path, 'prompts')), placePackCache(path)])
  return path
}

type ListedCall = Readonly<{ sipCallId: string; state: string; endReason: string }>

/** Signs in once, as often as that is allowed, and gives what lists the calls. */
async function listOf(url: string): Promise<() => Promise<readonly ListedCall[]>> {
  const session = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD })
  })
  const { token } = (await session.json()) as { token: string }
  return async () => {
    const list = await fetch(`${url}/api/v1/calls`, { headers: { authorization: `Bearer ${token}` } })
    if (!list.ok) throw new Error(await list.text())
    return ((await list.json()) as { items: ListedCall[] }).items
  }
}

t.test(
  'a call that a killed server was serving is closed with the reason when it is back',
  { timeout: 280_000 },
  async t => {
    const dataDir = await folder(t)
    const first = await startMain(dataDir)
    await using _first = first.program
    await using phone = await startSipPhone({ transport: 'udp', user: '+12025550123' })
    await using audio = await startRtpPeer()
    const call = phone.call(`sip:+12025550100@${first.sip}`, { sdp: audio.sdp() })
    audio.connect((await call.answered()).sdp).sendSilence()
    await audio.hearsSpeech()
    // Its first events are in the database within a moment of the answer.
    const limit = AbortSignal.timeout(40_000)
    const before = await listOf(first.url)
    while ((await before()).length === 0) limit.throwIfAborted()
    await first.program.kill()

    const second = await startMain(dataDir)
    await using _second = second.program
    const since = performance.now()
    const after = await listOf(second.url)
    let found = await after()
    while (found[0]?.state !== 'ended') {
      if (performance.now() - since > patient(10_000)) break
      await new Promise(resolve => setTimeout(resolve, 100))
      found = await after()
    }
    t.match(found, [{ sipCallId: call.callId, state: 'ended', endReason: 'controlPlaneLost' }])
    second.program.signal('SIGTERM')
    t.equal(await second.program.exited(), 0)
  }
)

t.test(
  'SIGTERM lets the running call end by itself, takes no new one, and leaves with code 0',
  { timeout: 280_000 },
  async t => {
    const dataDir = await usedFolder(t)
    const server = await startMain(dataDir, { PARLEY_DRAIN_MS: '20000' })
    await using _server = server.program
    await using phone = await startSipPhone({ transport: 'udp', user: '+12025550123' })
    await using audio = await startRtpPeer()
    const call = phone.call(`sip:+12025550100@${server.sip}`, { sdp: audio.sdp() })
    audio.connect((await call.answered()).sdp).sendSilence()
    await audio.hearsSpeech()
    server.program.signal('SIGTERM')
    let status = 0
    const limit = AbortSignal.timeout(40_000)
    while (status !== 503) {
      limit.throwIfAborted()
      const refused = phone.call(`sip:+12025550100@${server.sip}`, { sdp: audio.sdp() })
      status = (await refused.answered()).status
      if (status === 200) await refused.bye()
    }
    t.equal(status, 503)
    audio.forget()
    await audio.hearsSpeech()
    await call.bye()
    t.equal(await server.program.exited(), 0)
  }
)

t.test('a setting that is wrong stops the start with every reason', async t => {
  await t.rejects(startMain(await usedFolder(t), { PARLEY_HTTP_PORT: 'eighty', PARLEY_SIP_PROT: '5060' }), {
    message: /PARLEY_HTTP_PORT[\s\S]*|PARLEY_SIP_PROT/
  })
})

t.test('a port that is taken stops the start, named, with the settings that choose another', async t => {
  const taken = createSocket('udp4')
  t.teardown(() => taken.close())
  taken.bind(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address()
  await t.rejects(startMain(await usedFolder(t), { PARLEY_WEBRTC_PORT: String(port), PARLEY_DEMO_DATA: 'false' }), {
    message: new RegExp(`bind EADDRINUSE 127\\.0\\.0\\.1:${port}[\\s\\S]*PARLEY_WEBRTC_PORT choose others`)
  })
})
