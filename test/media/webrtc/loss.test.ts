import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { SoftphoneMediaError } from '../../../media/webrtc/softphone-media.ts'
import { aborted, connectSoftphone, engines, open, reached, speakTone } from './support/engines.ts'
import { FreeswitchPeer } from './support/freeswitch-peer.ts'

t.test('when the embedded SFU dies, everything of it ends and everybody is told why', async t => {
  let thread: Worker | undefined
  const notice = (worker: Worker) => {
    thread = worker
  }
  process.once('worker', notice)
  await using media = await open('embedded')
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using _freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  const { microphone } = await speakTone(t, softphone, 440)
  await side.send(microphone)
  const ended = thread?.terminate()
  await t.rejects(softphone.connection.figures(), { code: 'SFU_LOST' }, 'who waits for an answer gets one')
  await ended
  await Promise.all([
    aborted(media.lost),
    aborted(microphone.closed),
    aborted(side.source.closed),
    reached(softphone.connection, 'closed')
  ])
  t.match(media.lost.reason, { code: 'SFU_LOST' })
  await t.rejects(media.createConnection(), SoftphoneMediaError)
})

t.test('an engine that is asked for by name is taken or refused, never replaced', async t => {
  if (engines.includes('mediasoup')) {
    await using media = await open('mediasoup')
    t.equal(media.engine, 'mediasoup')
    return
  }
  await t.rejects(open('mediasoup'), { name: 'SoftphoneMediaError', code: 'SFU_REFUSED', message: /mediasoup/ })
})
