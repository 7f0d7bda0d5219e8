import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateTone } from '../../media/audio/tone.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { type TestCall, TestParley } from '../support/parley.ts'

/** What a service answers must never reach the story or the log. */
const SECRET = 'iban-de02120300000000202051'

t.test('a service that misbehaves costs the caller nothing but its branch', { timeout: 280_000 }, async t => {
  const asked: string[] = []
  const services = await serve(t, asked)
  await using server = await TestParley.start({ env: { PARLEY_REQUEST_HOSTS: '127.0.0.1' } })
  const flow = (id: string, url: string) => `
id: ${id}
name: ${id}
languages: [en]
defaultLanguage: en
start: ask
onFailure: failed
nodes:
  ask: { kind: request, url: "${url}", timeoutMs: 400, maxBytes: 2000, byStatus: { "5xx": broken }, next: fine, failed: failed }
  fine: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,880)" }, next: bye }
  broken: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,620)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,350)" }, next: bye }
  bye: { kind: hangup }
`
  const cases: readonly [
    what: string,
    url: string,
    hz: number,
    event: Readonly<Record<string, unknown>>,
    complaints: number
  ][] = [
    ['answers', `${services.http}/fine`, 880, { kind: 'requestAnswered', data: { status: 200 } }, 0],
    ['never answers', `${services.http}/hang`, 350, { kind: 'requestFailed', data: { code: 'TIMEOUT' } }, 1],
    ['sends without end', `${services.http}/drip`, 350, { kind: 'requestFailed', data: { code: 'TIMEOUT' } }, 1],
    ['answers nonsense', `${services.http}/nonsense`, 350, { kind: 'requestFailed', data: { code: 'NOT_JSON' } }, 1],
    ['does not speak HTTP', services.noHttp, 350, { kind: 'requestFailed', data: { code: 'UNREACHABLE' } }, 1],
    ['breaks off', `${services.http}/broken-off`, 350, { kind: 'requestFailed', data: { code: 'UNREACHABLE' } }, 1],
    ['answers 500', `${services.http}/500`, 620, { kind: 'requestAnswered', data: { status: 500 } }, 0],
    ['answers 404', `${services.http}/404`, 350, { kind: 'requestAnswered', data: { status: 404 } }, 0],
    ['answers too much', `${services.http}/large`, 350, { kind: 'requestFailed', data: { code: 'TOO_LARGE' } }, 1],
    ['redirects', `${services.http}/redirect`, 350, { kind: 'requestAnswered', data: { status: 302 } }, 0],
    ['is not there', 'http://127.0.0.1:1/', 350, { kind: 'requestFailed', data: { code: 'UNREACHABLE' } }, 1],
    [
      'is not on the allow-list',
      `${services.http.replace('127.0.0.1', 'localhost')}/fine`,
      350,
      { kind: 'requestFailed', data: { code: 'FORBIDDEN_HOST' } },
      1
    ]
  ]
  for (const [index, [what, url, hz, event, complaints]] of cases.entries())
    await t.test(`a service that ${what}`, async t => {
      const number = `+1202555${String(100 + index).padStart(4, '0')}`
      await server.publish(flow(`ask-${index}`, url))
      await server.addNumber(number, `ask-${index}`)
      const logged = server.logs.length
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(hz)
      await call.waitForBye()
      const story = await server.story(call.callId)
      t.match(story, { endReason: 'flowHungUp' })
      t.match(
        story.events.find(one => one.kind.startsWith('request')),
        event
      )
      t.notOk(JSON.stringify(story).includes(SECRET), 'no body in the story')
      const lines = server.logs.slice(logged)
      t.notOk(
        lines.some(line => line.includes(SECRET)),
        'no body in the log'
      )
      t.equal(lines.filter(line => /"level":"(warn|error|fatal)"/.test(line)).length, complaints)
    })
  t.notOk(asked.includes('/elsewhere'), 'a redirect is not followed')
})

t.test('a prompt that cannot be made is the flow’s failure branch, never silence', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  const recorded = async (language: string, name: string, bytes: Buffer | string) => {
    const folder = join(server.dataDir, 'recorded-prompts', language)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${name}.wav`), bytes)
  }
  const tone = (hz: number, sampleRateHz: number) =>
    writeWav({
      sampleRateHz,
      channels: 1,
      samples: generateTone({ frequenciesHz: [hz], durationMs: 900, sampleRateHz })
    })
  await recorded('en', 'welcome', tone(1000, 8_000))
  await recorded('en', 'wide', tone(1300, 44_100))
  await recorded('en', 'broken', 'this was meant to be a WAV file')
  const flow = (id: string, prompt: string, languages = '[en]') => `
id: ${id}
name: ${id}
languages: ${languages}
defaultLanguage: ${languages.slice(1, 3)}
start: first
onFailure: failed
nodes:
  first: { kind: say, bargeIn: false, prompt: ${prompt}, next: bye, failed: failed }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,350)" }, next: bye }
  bye: { kind: hangup }
`
  const cases: readonly [what: string, flow: string, hz: number, code: string | null][] = [
    [
      'a recording is played in place of synthesised speech',
      flow('p1', '{ text: "Hello", recorded: welcome }'),
      1000,
      null
    ],
    ['a recording at 44.1 kHz is played', flow('p2', '{ file: wide }'), 1300, null],
    ['a language without a voice', flow('p3', '{ text: "Na nga def", language: wo }', '[wo]'), 350, 'LANGUAGE_UNKNOWN'],
    ['a recording that is not a WAV file', flow('p4', '{ file: broken }'), 350, 'RECORDING_UNREADABLE'],
    ['a recording that is not there', flow('p5', '{ file: nowhere }'), 350, 'RECORDING_MISSING'],
    ['a name that leads out of the folder', flow('p6', '{ file: "../../secret" }'), 350, 'NAME_NOT_ALLOWED']
  ]
  for (const [index, [what, source, hz, code]] of cases.entries())
    await t.test(what, async t => {
      const number = `+1202555${String(120 + index).padStart(4, '0')}`
      await server.addNumber(number, await server.publish(source))
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(hz)
      await call.waitForBye()
      const story = await server.story(call.callId)
      t.match(story, { endReason: 'flowHungUp' })
      t.same(
        story.events.filter(one => one.kind === 'promptFailed').map(one => one.data['code']),
        code === null ? [] : [code]
      )
    })
})

t.test('a voicemail that cannot be stored is the flow’s failure branch', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await server.publish(`
id: mailbox
name: Mailbox
languages: [en]
defaultLanguage: en
start: mail
onFailure: failed
nodes:
  mail: { kind: voicemail, prompt: { tone: "%(300,0,500)" }, mailbox: sales, maxMs: 20000, silenceMs: 2000, next: thanks, empty: thanks, failed: failed }
  thanks: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,350)" }, next: bye }
  bye: { kind: hangup }
`)
  await server.addNumber('+12025550100', 'mailbox')
  // Nothing can be written where recordings wait for their store.
  const folder = join(server.dataDir, 'spool', 'recordings')

  await t.test('the caller is told, and it is in the log once', async t => {
    await rm(folder, { recursive: true })
    await writeFile(folder, 'in the way')
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri('+12025550100'), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(1000)
    caller.audio.sendTone(700)
    await caller.audio.hears(350)
    await call.waitForBye()
    const story = await server.story(call.callId)
    t.match(story, { endReason: 'flowHungUp' })
    t.match(
      story.events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'mail'),
      { data: { outcome: 'failed' } }
    )
    t.equal(server.logs.filter(line => line.includes('a voicemail could not be kept')).length, 1)
    await rm(folder)
    await mkdir(folder)
  })

  await t.test('a caller who hangs up after speaking has left a message', async t => {
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri('+12025550100'), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(1000)
    caller.audio.sendTone(700)
    await hasSpoken(server, 1_500)
    await call.bye()
    const story = await server.story(call.callId)
    t.match(story, { endReason: 'callerHungUp' })
    const kinds = story.events.map(one => one.kind)
    t.ok(kinds.includes('voicemailLeft'), 'it is in the story')
    t.equal(kinds.at(-1), 'ended', 'which ends after it')
    t.equal((await server.parley.db.selectFrom('voicemails').select('id').execute()).length, 1)
  })

  await t.test('a caller who hangs up at the tone has left none, and nothing remains', async t => {
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri('+12025550100'), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(1000)
    await call.bye()
    const story: TestCall = await server.story(call.callId)
    t.match(story, { endReason: 'callerHungUp' })
    t.notOk(story.events.some(one => one.kind === 'voicemailLeft'))
    t.equal((await server.parley.db.selectFrom('voicemails').select('id').execute()).length, 1)
  })
})

/** Lets the caller speak until the media server has sent that much of it on. */
async function hasSpoken(server: TestParley, ms: number): Promise<void> {
  const { freeswitch } = server.engines
  const limit = AbortSignal.timeout(10_000)
  // Against a real media server nobody counts packets for us, and time itself has to do.
  const before = (await freeswitch?.stats())?.packetsReceived
  const until = performance.now() + ms * 1.5
  for (;;) {
    const now = (await freeswitch?.stats())?.packetsReceived
    if (before === undefined || now === undefined ? performance.now() > until : now - before > ms / 20) return
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function serve(t: Test, asked: string[]): Promise<{ http: string; noHttp: string }> {
  const answer: RequestListener = (request, response) => {
    asked.push(request.url ?? '')
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    switch (request.url) {
      case '/fine':
        return json(200, { iban: SECRET })
      case '/500':
        return json(500, { iban: SECRET })
      case '/404':
        return json(404, { iban: SECRET })
      case '/nonsense':
        return response.end(`<html>${SECRET}</html>`)
      case '/large':
        return json(200, SECRET.repeat(1_000))
      case '/redirect':
        return response.writeHead(302, { location: '/elsewhere' }).end()
      case '/broken-off':
        return response.writeHead(200, { 'content-length': '1000' }).write(SECRET, () => request.socket.destroy())
      case '/drip': {
        const drip = setInterval(() => response.write(' '), 50)
        return response.once('close', () => clearInterval(drip))
      }
      default:
        // Never answered.
        return undefined
    }
  }
  const http = createHttpServer(answer)
  const noHttp = createTcpServer(socket => socket.on('error', () => {}).end(`${SECRET}\r\n\r\n`))
  const addressOf = async (server: Server) => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
    noHttp.close()
  })
  return { http: await addressOf(http), noHttp: await addressOf(noHttp) }
}
