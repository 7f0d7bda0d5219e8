import t from 'tap'
import { headerIn, type PhoneMessage, startSipPhone } from '../../../support/sip-phone.ts'
import { type SrfDialog, STEADY, sdp, startBench } from './harness.ts'

const isResponse = (status: number, method: string) => (m: PhoneMessage) =>
  m.status === status && headerIn(m, 'cseq').endsWith(method)

t.test('a call is set up and ended although every kind of message is lost twice', async t => {
  await using bench = await startBench({ timers: STEADY })
  await using phone = await startSipPhone({ transport: 'udp', t1Ms: 50 })
  const answered = Promise.withResolvers<SrfDialog>()
  const srf = await bench.application(srf =>
    srf.invite(async (req, res) => {
      res.send(180)
      answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) }))
    })
  )
  t.ok(srf)
  phone.dropNext(2, m => m.status === 100 || m.status === 180)
  phone.dropNext(2, isResponse(200, 'INVITE'))
  phone.dropNext(2, isResponse(200, 'BYE'))
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  t.equal((await call.answered()).status, 200)
  await answered.promise
  t.equal((await call.bye()).status, 200)
  await bench.idle(10_000)
})

t.test('a lost ACK brings the 200 again, and the dialog stands', async t => {
  await using bench = await startBench({ timers: STEADY })
  await using phone = await startSipPhone({ transport: 'udp' })
  const answered = Promise.withResolvers<SrfDialog>()
  await bench.application(srf =>
    srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000), autoAck: false })
  await call.answered()
  const again = isResponse(200, 'INVITE')
  await phone.nextMessage(again)
  await phone.nextMessage(again)
  call.ack()
  t.equal((await call.bye()).status, 200)
  await bench.idle(10_000)
})

t.test('a caller who never acknowledges is hung up on after 64 T1, and the application hears why', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const why = Promise.withResolvers<string>()
  await bench.application(srf =>
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp: sdp(4000) })
      dialog.on('destroy', (_bye, reason) => why.resolve(reason))
    })
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000), autoAck: false })
  await call.answered()
  t.match(headerIn(await call.waitForBye(), 'reason'), /ACK timeout/)
  t.equal(await why.promise, 'ACK timeout')
  await bench.idle()
})

t.test('our INVITE, its ACK and our BYE survive loss', async t => {
  await using bench = await startBench({ timers: STEADY })
  await using phone = await startSipPhone({ transport: 'udp' })
  const srf = await bench.application()
  phone.dropNext(2, m => m.method === 'INVITE')
  phone.dropNext(2, m => m.method === 'ACK')
  phone.dropNext(2, m => m.method === 'BYE')
  const calling = srf.createUAC(phone.uri, { localSdp: sdp(4000) })
  const call = await phone.nextInvite()
  call.ring()
  await call.answer(sdp(5000))
  const dialog = await calling
  await Promise.all([call.waitForBye(), dialog.destroy()])
  t.equal(phone.received.filter(m => m.method === 'ACK').length >= 3, true)
  await bench.idle(10_000)
})

t.test('a phone that is not there gives 408, a closed TCP port 503, an unknown name 503', async t => {
  await using bench = await startBench()
  const srf = await bench.application()
  const dead = await startSipPhone({ transport: 'udp' })
  const deadTcp = await startSipPhone({ transport: 'tcp' })
  await dead[Symbol.asyncDispose]()
  await deadTcp[Symbol.asyncDispose]()
  const status = (uri: string) =>
    srf.createUAC(uri, { localSdp: sdp(4000) }).then(
      () => 200,
      (err: { status: number }) => err.status
    )
  t.equal(await status(dead.uri), 408)
  t.equal(await status(deadTcp.uri), 503)
  t.equal(await status('sip:agent@nonexistent.invalid'), 503)
  await t.rejects(
    srf.createUAC('sip:agent@127.0.0.1;transport=tls', { localSdp: sdp(4000) }),
    /transport not available/
  )
  await t.rejects(srf.createUAC(bench.uri('me'), { localSdp: sdp(4000) }), /can not send request to myself/)
  await bench.idle()
})
