import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { toneShare } from '../../../../media/audio/goertzel.ts'
import { generateTone } from '../../../../media/audio/tone.ts'
import { startRig, until } from './harness.ts'

type Listener = {
  url: string
  sockets: WebSocket[]
  protocols: string[]
  /** What the fork says it can do, by its header. */
  offers: (string | string[] | undefined)[]
  texts: string[]
  frames: Buffer[]
  closed: number
}

/** A WebSocket server that keeps what it hears. */
async function startListener(t: Test): Promise<Listener> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const listener: Listener = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/tap`,
    sockets: [],
    protocols: [],
    offers: [],
    texts: [],
    frames: [],
    closed: 0
  }
  server.on('connection', (socket, request) => {
    listener.offers.push(request.headers['x-audio-fork'])
    listener.sockets.push(socket)
    listener.protocols.push(socket.protocol)
    socket.on('message', (data, isBinary) => {
      if (isBinary) listener.frames.push(data as Buffer)
      else listener.texts.push(data.toString())
    })
    socket.on('close', () => listener.closed++)
  })
  t.teardown(
    () =>
      new Promise<void>(resolve => {
        for (const client of server.clients) client.terminate()
        server.close(() => resolve())
      })
  )
  return listener
}

function side(frames: readonly Buffer[], which: 0 | 1): Int16Array {
  const recent = Buffer.concat(frames.slice(-10))
  return Int16Array.from({ length: recent.length / 4 }, (_, index) => recent.readInt16LE(index * 4 + which * 2))
}

t.test('a stereo fork carries what the caller says on the left and what the caller hears on the right', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  const connected = new Promise(resolve => endpoint.addCustomEventListener('mod_audio_fork::connect', resolve))
  peer.sendTone(440)
  await endpoint.forkAudioStart({
    wsUrl: listener.url,
    mixType: 'stereo',
    sampling: '8000',
    bugname: 'tap',
    metadata: { callId: 'abc', text: 'with spaces | and bars' }
  })
  await connected
  await until(() => listener.frames.length > 5, 'frames come')
  t.same(listener.protocols, ['audio.drachtio.org'])
  t.same(
    JSON.parse(listener.texts[0] as string),
    { callId: 'abc', text: 'with spaces | and bars' },
    'metadata comes first'
  )
  t.ok(
    listener.frames.every(frame => frame.length === 640),
    'every frame has 20 ms'
  )
  const playing = endpoint.play('tone_stream://%(1000,0,880)')
  await until(() => toneShare(side(listener.frames, 1), 880) > 0.9, 'the prompt is on the right')
  await until(() => toneShare(side(listener.frames, 0), 440) > 0.9, 'the caller is on the left')
  await playing
  await endpoint.forkAudioSendText('tap', { hello: 1 })
  await until(() => listener.texts.length === 2, 'the text arrives')
  await endpoint.forkAudioStop('tap', { bye: 1 })
  await until(() => listener.closed === 1, 'the connection is closed')
  t.same(listener.texts.slice(1), ['{"hello":1}', '{"bye":1}'])
  t.equal(rig.fs.stats().forks, 0)
})

t.test('a listener gets as many frames in one message as it asks for', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  peer.sendTone(440)
  await endpoint.forkAudioStart({ wsUrl: listener.url, mixType: 'stereo', sampling: '8000', bugname: 'tap' })
  await until(() => listener.frames.length > 2, 'frames come')
  t.equal(listener.offers[0], 'gather', 'it says that it can')
  listener.sockets[0]?.send('{"type":"gather","frames":5}')
  await until(() => listener.frames.filter(frame => frame.length === 5 * 640).length > 4, 'five at once')
  t.ok(toneShare(side(listener.frames.slice(-2), 0), 440) > 0.9, 'in their order')
  listener.sockets[0]?.send('{"type":"gather","frames":1}')
  await until(() => listener.frames.slice(-5).every(frame => frame.length === 640), 'one by one again')
})

t.test('frames come evenly, also when the caller sends nothing', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { endpoint } = await rig.caller()
  await endpoint.forkAudioStart({ wsUrl: listener.url, mixType: 'mono', sampling: '16000' })
  await until(() => listener.frames.length >= 25, 'silence is sent', 1_500)
  t.equal(listener.frames[24]?.length, 640, '16 kHz mono')
})

t.test('pausing stops the frames and resuming brings them back', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { endpoint } = await rig.caller()
  await endpoint.forkAudioStart({ wsUrl: listener.url, mixType: 'mixed', bugname: 'tap' })
  await until(() => listener.frames.length > 3, 'frames come')
  await endpoint.forkAudioPause('tap', false)
  await new Promise(resolve => setTimeout(resolve, 60))
  const before = listener.frames.length
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(listener.frames.length, before)
  await endpoint.forkAudioResume('tap')
  await until(() => listener.frames.length > before + 3, 'frames come again')
})

t.test('messages of the far end become events, and killAudio stops the prompt', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { endpoint } = await rig.caller()
  const heard: [string, unknown][] = []
  for (const name of ['transcription', 'json', 'play_audio', 'kill_audio', 'disconnect']) {
    endpoint.addCustomEventListener(`mod_audio_fork::${name}`, args => heard.push([name, args]))
  }
  await endpoint.forkAudioStart({ wsUrl: listener.url, mixType: 'mono', bugname: 'tap' })
  await until(() => listener.sockets.length === 1, 'the fork connects')
  const socket = listener.sockets[0] as WebSocket
  socket.send(JSON.stringify({ type: 'transcription', data: { text: 'hallo' } }))
  socket.send(JSON.stringify({ type: 'json', data: { x: 1 } }))
  socket.send('not json')
  const samples = generateTone({ frequenciesHz: [700], durationMs: 300 })
  const audioContent = Buffer.from(samples.buffer).toString('base64')
  socket.send(
    JSON.stringify({
      type: 'playAudio',
      data: { audioContentType: 'raw', sampleRate: 8000, audioContent, textContent: 'hi' }
    })
  )
  await until(() => heard.length === 3, 'three events')
  t.same(heard[0], ['transcription', { text: 'hallo' }])
  t.same(heard[1], ['json', { type: 'json', data: { x: 1 } }])
  const file = (heard[2]![1] as { file: string }).file
  t.match(file, /\.tmp\.r8$/)
  t.equal((await endpoint.play(file)).playbackMilliseconds, '300', 'the file can be played')
  const playing = endpoint.play('tone_stream://%(60000,0,500)')
  setTimeout(() => socket.send(JSON.stringify({ type: 'killAudio' })), 100)
  t.ok(Number((await playing).playbackMilliseconds) < 2_000, 'the prompt was stopped')
  socket.close()
  await until(() => heard.some(([name]) => name === 'disconnect'), 'the lost connection is told')
})

t.test('audio streamed back is heard by the caller', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { endpoint, peer } = await rig.caller()
  await endpoint.forkAudioStart({
    wsUrl: listener.url,
    mixType: 'mono',
    bidirectionalAudio: { enabled: 'true', streaming: 'true', sampleRate: '16000' }
  })
  await until(() => listener.sockets.length === 1, 'the fork connects')
  const samples = generateTone({ frequenciesHz: [900], durationMs: 600, sampleRateHz: 16_000 })
  listener.sockets[0]?.send(Buffer.from(samples.buffer))
  await peer.hears(900)
})

t.test('a fork that cannot connect says so and can be stopped; an unknown one cannot', async t => {
  const rig = await startRig(t)
  const { endpoint } = await rig.caller()
  const failed = new Promise(resolve => endpoint.addCustomEventListener('mod_audio_fork::connect_failed', resolve))
  await endpoint.forkAudioStart({ wsUrl: 'ws://127.0.0.1:9/x', mixType: 'stereo', bugname: 'bad' })
  t.same(await failed, { reason: 'Unable to connect' })
  await endpoint.forkAudioStop('bad')
  await t.rejects(endpoint.forkAudioStop('bad'), { message: '-ERR Operation Failed\n' })
  await t.rejects(endpoint.forkAudioStart({ wsUrl: 'ftp://nowhere', mixType: 'mono' }))
})

t.test('a listener that does not read loses audio and is told of once, and the caller notices nothing', async t => {
  const listener = await startListener(t)
  const rig = await startRig(t)
  const { endpoint, peer } = await rig.caller()
  let overruns = 0
  endpoint.addCustomEventListener('mod_audio_fork::buffer_overrun', () => overruns++)
  await endpoint.forkAudioStart({ wsUrl: listener.url, mixType: 'stereo', sampling: '8000', bugname: 'slow' })
  await until(() => listener.sockets.length === 1, 'the fork connects')
  listener.sockets[0]?.pause()
  void endpoint.play('tone_stream://%(60000,0,500)').catch(() => {})
  await peer.hears(500)
  // Long texts fill the kernel's buffers, which would take many seconds of audio.
  const text = JSON.stringify({ filling: 'x'.repeat(60_000) })
  for (let sent = 0; sent < 300 && rig.fs.stats().forkFramesDropped === 0; sent++) {
    await endpoint.forkAudioSendText('slow', text)
  }
  await until(() => rig.fs.stats().forkFramesDropped > 10, 'frames are dropped and counted')
  t.equal(overruns, 1)
  t.equal(peer.arrival().missing, 0)
  peer.forget()
  await peer.hears(500)
  await endpoint.forkAudioStop('slow')
  t.equal(rig.fs.stats().forks, 0)
})
