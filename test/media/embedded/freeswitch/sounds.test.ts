import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { EmbeddedFreeswitchReady, EmbeddedFreeswitchStats } from '../../../../media/embedded/freeswitch/server.ts'
import { startInWorker } from '../../../../media/embedded/in-worker.ts'
import { toneShare } from '../../../../media/audio/goertzel.ts'
import { generateTone } from '../../../../media/audio/tone.ts'
import { parseWav, writeWav } from '../../../../media/audio/wav.ts'
import { startRig } from './harness.ts'

t.test('several files play in a row, and a break skips one, even with `all`', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  const both = endpoint.play(['tone_stream://%(60000,0,440)', 'tone_stream://%(300,0,880)'])
  await peer.hears(440)
  await rig.ms.api(`uuid_break ${endpoint.uuid}`)
  await peer.hears(880)
  t.equal((await both).playbackMilliseconds, '300')
  const stopped = endpoint.play(['tone_stream://%(60000,0,440)', 'tone_stream://%(60000,0,880)'])
  await peer.hears(440)
  await rig.ms.api(`uuid_break ${endpoint.uuid} all`)
  await peer.hears(880)
  await rig.ms.api(`uuid_break ${endpoint.uuid} all`)
  t.ok(Number((await stopped).playbackMilliseconds) < 5_000)
  t.equal((await endpoint.play({ file: 'silence_stream://5000', timeoutSecs: 1 })).playbackMilliseconds, '1000')
})

t.test('what is asked for during a prompt runs on top of it, and the prompt goes on afterwards', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  const lower = endpoint.play('tone_stream://%(1200,0,440)')
  await peer.hears(440)
  const upper = endpoint.play('tone_stream://%(400,0,880)')
  await peer.hears(880)
  await upper
  await peer.hears(440)
  t.equal((await lower).playbackMilliseconds, '1200')
})

t.test('files come over HTTP once, and a server that answers nonsense is no file', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'sounds-'))
  t.teardown(() => rm(folder, { recursive: true }))
  let served = 0
  const wav = writeWav({
    sampleRateHz: 8_000,
    channels: 1,
    samples: generateTone({ frequenciesHz: [700], durationMs: 200 })
  })
  const server = createServer((req, res) => {
    served++
    if (req.url === '/tone.wav') res.end(wav)
    else if (req.url === '/nonsense.wav') res.end('<html>')
    else res.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  const first = endpoint.play(`${base}/tone.wav`)
  await peer.hears(700)
  await first
  await endpoint.play(`${base}/tone.wav`)
  t.equal(served, 1, 'the second time it is in memory')
  await t.rejects(endpoint.play(`${base}/nonsense.wav`), { message: 'File Not Found' })
  await t.rejects(endpoint.play(`${base}/missing.wav`), { message: 'File Not Found' })
  await t.rejects(endpoint.play('say:hello'), { message: 'File Not Found' })
  const broken = join(folder, 'broken.wav')
  await writeFile(broken, 'RIFF')
  await t.rejects(endpoint.play(broken), { message: 'File Not Found' })
})

t.test('what the caller says is recorded until a key is pressed', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  peer.sendTone(440)
  const file = join(folder, 'message.wav')
  const recording = endpoint.record(file, { timeLimitSecs: 10 })
  await new Promise(resolve => setTimeout(resolve, 1_500))
  peer.sendDigits('*', 60)
  const { terminatorUsed, recordMilliseconds } = await recording
  t.equal(terminatorUsed, '*')
  const audio = parseWav(await readFile(file))
  t.equal(audio.sampleRateHz, 8_000)
  t.ok(Math.abs(audio.samples.length / 8 - Number(recordMilliseconds)) < 1)
  t.ok(toneShare(audio.samples.subarray(4_000, 10_000), 440) > 0.9)
})

t.test('the server runs in a worker thread and stops when it is told', async t => {
  const entry = new URL('../../../../media/embedded/freeswitch/worker.ts', import.meta.url)
  const worker = await startInWorker<object, EmbeddedFreeswitchReady, EmbeddedFreeswitchStats>(entry, {
    eventSocket: { host: '127.0.0.1', port: 0, secret: 'x' },
    sip: { host: '127.0.0.1', port: 0 },
    rtp: { host: '127.0.0.1', portRange: [29_000, 29_100] }
  })
  t.ok(worker.ready.sipPort > 0 && worker.ready.eventSocketPort > 0)
  t.equal((await worker.stats()).channels, 0)
  await worker[Symbol.asyncDispose]()
  t.equal(await worker.ended, undefined)
})
