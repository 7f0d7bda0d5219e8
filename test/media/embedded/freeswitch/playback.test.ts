import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { generateTone } from '../../../../media/audio/tone.ts'
import { writeWav } from '../../../../media/audio/wav.ts'
import { startRig, until } from './harness.ts'

t.test('a caller hears a tone and the application learns how long it was', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  peer.sendSilence()
  const playing = endpoint.play('tone_stream://%(600,0,440)')
  await peer.hears(440)
  const result = await playing
  t.equal(result.playbackMilliseconds, '600')
  t.equal(result.playbackLastOffsetPos, '4800')
})

t.test('a caller hears a WAV file of any rate', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'sounds-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const sampleRateHz of [8_000, 16_000, 22_050, 44_100, 48_000]) {
    const samples = generateTone({ frequenciesHz: [880], durationMs: 500, sampleRateHz })
    await writeFile(join(folder, `${sampleRateHz}.wav`), writeWav({ sampleRateHz, channels: 1, samples }))
  }
  const rig = await startRig(t, { soundsDir: folder })
  const { peer, endpoint } = await rig.caller({ codecs: ['PCMA'] })
  for (const rate of [8_000, 16_000, 22_050, 44_100, 48_000]) {
    peer.forget()
    const playing = endpoint.play(`${rate}.wav`)
    await peer.hears(880)
    t.equal((await playing).playbackMilliseconds, '500', `${rate} Hz`)
  }
  await t.rejects(endpoint.play('missing.wav'), { message: 'File Not Found' })
  await t.rejects(endpoint.play('../../etc/passwd'), { message: 'File Not Found' })
})

t.test('pressed keys are collected, with terminator, and the prompt stops at the first', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  peer.sendSilence()
  const collecting = endpoint.playCollect({
    file: 'tone_stream://%(10000,0,500)',
    min: 1,
    max: 4,
    tries: 1,
    timeout: 5_000
  })
  await peer.hears(500)
  peer.sendDigits('12#', 60)
  const { digits, terminatorUsed } = await collecting
  t.equal(digits, '12')
  t.equal(terminatorUsed, '#')
})

t.test('when the caller hangs up, the application is told and everything is released', async t => {
  const rig = await startRig(t)
  const { call, dialog, endpoint } = await rig.caller()
  const ended = new Promise(resolve => dialog.once('destroy', resolve))
  await call.bye()
  await ended
  await endpoint.destroy()
  await until(() => rig.fs.stats().channels === 0 && rig.fs.stats().rtpPortsInUse === 0, 'nothing is left')
})
