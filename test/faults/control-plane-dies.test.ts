import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ADMIN_PASSWORD } from '../support/parley.ts'
import { freePort, Program } from '../support/programs.ts'
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

async function calls(url: string): Promise<{ sipCallId: string; state: string; endReason: string }[]> {
  const session = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD })
  })
  const { token } = (await session.json()) as { token: string }
  const list = await fetch(`${url}/api/v1/calls`, { headers: { authorization: `Bearer ${token}` } })
  return ((await list.json()) as { items: { sipCallId: string; state: string; endReason: string }[] }).items
}

t.test(
  'a call that a killed server was serving is closed with the reason when it is back',
  { timeout: 110_000 },
  async t => {
    const dataDir = await folder(t)
    const first = await startMain(dataDir)
    await using phone = await startSipPhone({ transport: 'udp', user: '+12025550123' })
    await using audio = await startRtpPeer()
    const call = phone.call(`sip:+12025550100@${first.sip}`, { sdp: audio.sdp() })
    audio.connect((await call.answered()).sdp).sendSilence()
    await audio.hearsSpeech()
    // Its first events are in the database within a moment of the answer.
    const limit = AbortSignal.timeout(5_000)
    while ((await calls(first.url)).length === 0) limit.throwIfAborted()
    await first.program.kill()

    const second = await startMain(dataDir)
    const since = performance.now()
    let found = await calls(second.url)
    while (found[0]?.state !== 'ended') {
      if (performance.now() - since > 10_000) break
      await new Promise(resolve => setTimeout(resolve, 100))
      found = await calls(second.url)
    }
    t.match(found, [{ sipCallId: call.callId, state: 'ended', endReason: 'controlPlaneLost' }])
    second.program.signal('SIGTERM')
    t.equal(await second.program.exited(), 0)
  }
)

t.test(
  'SIGTERM lets the running call end by itself, takes no new one, and leaves with code 0',
  { timeout: 110_000 },
  async t => {
    const dataDir = await folder(t)
    const server = await startMain(dataDir, { PARLEY_DRAIN_MS: '20000' })
    await using phone = await startSipPhone({ transport: 'udp', user: '+12025550123' })
    await using audio = await startRtpPeer()
    const call = phone.call(`sip:+12025550100@${server.sip}`, { sdp: audio.sdp() })
    audio.connect((await call.answered()).sdp).sendSilence()
    await audio.hearsSpeech()
    server.program.signal('SIGTERM')
    let status = 0
    const limit = AbortSignal.timeout(5_000)
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
  await t.rejects(startMain(await folder(t), { PARLEY_HTTP_PORT: 'eighty', PARLEY_SIP_PROT: '5060' }), {
    message: /PARLEY_HTTP_PORT[\s\S]*|PARLEY_SIP_PROT/
  })
})

t.test('a port that is taken stops the start with the port in words', { timeout: 60_000 }, async t => {
  const { createServer } = await import('node:net')
  const port = await freePort()
  const taken = createServer().listen(port, '127.0.0.1')
  t.teardown(() => taken.close())
  await t.rejects(startMain(await folder(t), { PARLEY_HTTP_PORT: String(port) }), {
    message: new RegExp(`EADDRINUSE[\\s\\S]*${port}`)
  })
})
