import t from 'tap'
import { toneShare } from '../../../../media/audio/goertzel.ts'
import { startRig, until } from './harness.ts'

t.test(
  'two bridged callers hear each other, and each hears only its own prompt after the bridge is undone',
  async t => {
    const rig = await startRig(t)
    const a = await rig.caller({ codecs: ['PCMU'] })
    const b = await rig.caller({ codecs: ['PCMU'] })
    a.peer.sendTone(440)
    b.peer.sendTone(880)
    await a.endpoint.bridge(b.endpoint)
    await Promise.all([a.peer.hears(880), b.peer.hears(440)])
    t.equal(rig.fs.stats().bridges, 1)
    await a.endpoint.unbridge()
    t.equal(rig.fs.stats().bridges, 0)
    await Promise.all([a.peer.hearsSilence(), b.peer.hearsSilence()])
    const playing = a.endpoint.play('tone_stream://%(400,0,600)')
    await a.peer.hears(600)
    await playing
  }
)

t.test('callers with different laws are bridged too', async t => {
  const rig = await startRig(t)
  const a = await rig.caller({ codecs: ['PCMU'] })
  const b = await rig.caller({ codecs: ['PCMA'] })
  a.peer.sendTone(440)
  b.peer.sendTone(880)
  await a.endpoint.bridge(b.endpoint)
  await Promise.all([a.peer.hears(880), b.peer.hears(440)])
})

t.test('a pressed key crosses the bridge', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  await a.endpoint.bridge(b.endpoint)
  a.peer.sendDigits('57', 60)
  await b.peer.hearsDigits('57')
})

t.test('keys do not cross the bridge to a leg that drops them; a mask may stand for each', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  const drop = async (...words: readonly string[]) =>
    (await a.endpoint.api('uuid_drop_dtmf', [b.endpoint.uuid, ...words])).body
  t.match(await drop('on'), /^-USAGE/, 'the real server wants a mask')
  t.match(await drop('on', 'mask_digits', '-'), /^\+OK .* is dropping DTMF/)
  await a.endpoint.bridge(b.endpoint)
  a.peer.sendDigits('57', 60)
  await new Promise(resolve => a.endpoint.on('dtmf', ({ dtmf }: { dtmf: string }) => dtmf === '7' && resolve(null)))
  t.match(await drop('on', 'mask_digits', '*'), /dropping/)
  a.peer.sendDigits('3', 60)
  await b.peer.hearsDigits('*')
  t.equal(b.peer.digits, '*', 'nothing of what came before')
})

t.test('when one bridged caller hangs up the other is hung up too, unless it is to be parked', async t => {
  const rig = await startRig(t)
  const [a, b, c] = [await rig.caller(), await rig.caller(), await rig.caller()]
  await a.endpoint.bridge(b.endpoint)
  const ended = new Promise<{ reason: string }>(resolve => b.endpoint.once('destroy', resolve as never))
  await a.endpoint.destroy()
  t.equal((await ended).reason, 'NORMAL_CLEARING')
  const d = await rig.caller()
  await d.endpoint.set('park_after_bridge', 'true')
  await c.endpoint.bridge(d.endpoint)
  await c.endpoint.destroy()
  const playing = d.endpoint.play('tone_stream://%(300,0,500)')
  await d.peer.hears(500)
  await playing
})

t.test('a muted caller is not heard by the other', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  a.peer.sendTone(440)
  b.peer.sendSilence()
  await a.endpoint.bridge(b.endpoint)
  await b.peer.hears(440)
  await a.endpoint.mute()
  await b.peer.hearsSilence()
  await a.endpoint.unmute()
  await b.peer.hears(440)
})

t.test('a held caller hears music and comes back', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  a.peer.sendTone(440)
  b.peer.sendSilence()
  await a.endpoint.bridge(b.endpoint)
  await b.peer.hears(440)
  t.match(await rig.ms.api(`uuid_hold ${a.endpoint.uuid}`), /^\+OK/)
  b.peer.forget()
  await b.peer.hearsSpeech()
  await t.rejects(b.peer.hears(440, { limitMs: 300 }), 'music instead of the other side')
  t.match(await rig.ms.api(`uuid_hold off ${a.endpoint.uuid}`), /^\+OK/)
  await b.peer.hears(440)
})

t.test('a supervisor hears both sides and can whisper to one', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  const spy = await rig.caller()
  a.peer.sendTone(440)
  b.peer.sendTone(880)
  spy.peer.sendTone(1_300)
  await a.endpoint.bridge(b.endpoint)
  void spy.endpoint.execute('eavesdrop', a.endpoint.uuid)
  await until(() => share(spy.peer, 440) > 0.3 && share(spy.peer, 880) > 0.3, 'both sides are heard')
  t.ok(share(a.peer, 1_300) < 0.05, 'nobody hears the supervisor')
  await rig.ms.api(`uuid_setvar ${spy.endpoint.uuid} eavesdrop_whisper_aleg true`)
  await until(() => share(a.peer, 1_300) > 0.2, 'the whisper is heard on one side')
  t.ok(share(b.peer, 1_300) < 0.05, 'and not on the other')
  await a.endpoint.unbridge()
})

function share(peer: { captured(samples: number): Int16Array }, hz: number): number {
  return toneShare(peer.captured(800), hz)
}
