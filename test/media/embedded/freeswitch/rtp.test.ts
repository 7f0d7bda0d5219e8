import t from 'tap'
import { toneShare } from '../../../../media/audio/goertzel.ts'
import { startRig, until } from './harness.ts'

t.test('packets leave every 20 ms, in order and without a gap', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  await endpoint.play('tone_stream://%(1500,0,440)')
  await peer.receives(75)
  const { packets, missing, duplicates, within5Ms } = peer.arrival()
  t.ok(packets >= 75, `${packets} packets`)
  t.equal(missing, 0)
  t.equal(duplicates, 0)
  // Bursts would not reach this; how punctual it is on a quiet machine is measured in bench/.
  t.ok(within5Ms > 0.5, `${(within5Ms * 100).toFixed(1)} % within 5 ms`)
})

t.test('audio that comes with loss, doubles and out of order is still heard across a bridge', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  await a.endpoint.bridge(b.endpoint)
  a.peer.withFaults({ loss: 0.05, duplicate: 0.1, reorder: 0.1 }).sendTone(440)
  await b.peer.hears(440)
  await b.peer.receives(50)
  t.equal(b.peer.arrival().missing, 0, 'what goes on is complete')
})

t.test('a caller whose address changes is followed after some packets', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  peer.sendSilence()
  void endpoint.play('tone_stream://%(60000,0,440)').catch(() => {})
  await peer.hears(440)
  await peer.moveToNewPort()
  peer.forget()
  await until(() => toneShare(peer.captured(800), 440) > 0.6, 'the prompt follows', 4_000)
})

t.test('a silent caller is hung up after the time-out', async t => {
  const rig = await startRig(t, { rtpTimeoutMs: 300 })
  const { endpoint } = await rig.caller()
  const ended = new Promise<{ reason: string }>(resolve => endpoint.once('destroy', resolve as never))
  t.equal((await ended).reason, 'MEDIA_TIMEOUT')
})

t.test('reports are sent, and keys are sent as telephone-events', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  peer.sendSilence()
  await endpoint.execute('send_dtmf', '12#@800')
  await peer.hearsDigits('12#')
  void endpoint.play('tone_stream://%(60000,0,440)').catch(() => {})
  // The first report may come after a few packets only.
  const isWhole = (item: (typeof peer.rtcpItems)[number]) =>
    item.kind === 'sender-report' && item.blocks.length === 1 && item.sender.packets > 10
  await until(() => peer.rtcpItems.some(isWhole), 'a report with a block and more than ten packets', 20_000)
})

t.test('a key comes once, however often its packets come', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  const keys: string[] = []
  endpoint.on('dtmf', ({ dtmf, source }: { dtmf: string; source: string }) => keys.push(`${dtmf}/${source}`))
  peer.withFaults({ duplicate: 1 }).sendDigits('112', 60)
  await until(() => keys.includes('2/RTP'), 'the last key')
  t.same(keys, ['1/RTP', '1/RTP', '2/RTP'])
})

t.test('a tone and speech of the caller are detected, and what the caller says is recorded', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  const tones: string[] = []
  const speech: string[] = []
  endpoint.on('tone', ({ tone }: { tone: string }) => tones.push(tone))
  endpoint.addCustomEventListener('vad_detect:detection', args =>
    speech.push((args as { detected_event: string }).detected_event)
  )
  await endpoint.startVadDetection({ voiceMs: 60, silenceMs: 100 })
  await endpoint.execute('tone_detect', 'mytone 440 r +5')
  peer.sendTone(440)
  await until(() => tones.includes('mytone'), 'the tone is told')
  await until(() => speech.includes('start_talking'), 'talking is told')
  peer.sendSilence()
  await until(() => speech.includes('stop_talking'), 'quiet is told')
  await endpoint.stopVadDetection()
})
