import t from 'tap'
import { headerIn, startSipPhone, tagIn } from '../../../support/sip-phone.ts'
import { type SrfDialog, type SrfResponse, sdp, startBench } from './harness.ts'

t.test('of two forks that answer one call, the first is kept and the second is acknowledged and ended', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const srf = await bench.application()
  const calling = srf.createUAC(phone.uri, { localSdp: sdp(4000) })
  const call = await phone.nextInvite()
  call.progress(180, 'Ringing', '', { To: `${headerIn(call.invite, 'to')};tag=forkb` })
  call.ring()
  await call.answer(sdp(5000))
  call.progress(200, 'OK', sdp(6000), { To: `${headerIn(call.invite, 'to')};tag=forkb` })
  const ofFork =
    (method: string) => (m: { method: string | undefined; headers: ReadonlyMap<string, readonly string[]> }) =>
      m.method === method && tagIn(m.headers.get('to')?.[0] ?? '') === 'forkb'
  await phone.nextMessage(ofFork('ACK'))
  await phone.nextMessage(ofFork('BYE'))
  const dialog = await calling
  t.equal(dialog.remote.sdp, sdp(5000))
  t.equal(dialog.sip.remoteTag, call.localTag)
  await Promise.all([call.waitForBye(), dialog.destroy()])
  await bench.idle()
})

t.test('the same call over two paths is served once; the other copy gets 482', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  let calls = 0
  await bench.application(srf =>
    srf.invite((_req, res) => {
      calls++
      res.send(180)
    })
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  await call.provisional(180)
  const copy = (phone.line.sent[0] ?? '').replace(/branch=[^;]+/, 'branch=z9hG4bKotherpath')
  await phone.send(copy, { host: '127.0.0.1', port: bench.udpPort })
  t.ok(await phone.nextMessage(m => m.status === 482))
  t.equal(calls, 1)
  await call.cancel()
  await call.answered()
  await bench.idle()
})

t.test('a call that is answered while it is being cancelled is acknowledged and ended', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp', manual: ['CANCEL'] })
  const srf = await bench.application()
  const sent = Promise.withResolvers<{ cancel: () => void }>()
  const calling = srf.createUAC(
    phone.uri,
    { localSdp: sdp(4000) },
    { cbRequest: (_e: unknown, req: { cancel: () => void }) => sent.resolve(req) }
  )
  const destroyed = calling.then(dialog => new Promise(resolve => dialog.on('destroy', resolve)))
  const call = await phone.nextInvite()
  ;(await sent.promise).cancel()
  t.notOk(
    phone.received.some(m => m.method === 'CANCEL'),
    'a CANCEL waits for the first answer'
  )
  await call.answer(sdp(5000))
  const [bye] = await Promise.all([call.waitForBye(), destroyed])
  t.match(headerIn(bye, 'reason'), /ACK-BYE/)
  await bench.idle()
})

t.test('reliable provisional responses are repeated until PRACK, in both directions', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const pracked = Promise.withResolvers<void>()
  const proceed = Promise.withResolvers<void>()
  await bench.application(srf =>
    srf.invite(async (req, res) => {
      res.send(
        183,
        { headers: { Require: '100rel' }, body: sdp(4000) },
        () => {},
        () => pracked.resolve()
      )
      await proceed.promise
      await srf.createUAS(req, res, { localSdp: sdp(4000) })
    })
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000), headers: { Supported: '100rel' } })
  const first = await call.provisional(183)
  t.match(headerIn(first, 'rseq'), /^\d+$/)
  t.ok(headerIn(first, 'contact'), 'the early dialog can be reached')
  const again = await call.provisional(183)
  t.equal(headerIn(again, 'rseq'), headerIn(first, 'rseq'))
  t.equal((await call.prack(first)).status, 200)
  await pracked.promise
  t.equal((await call.request('PRACK', { headers: { RAck: '1 1 INVITE' } })).status, 481, 'a PRACK for nothing')
  proceed.resolve()
  t.equal((await call.answered()).status, 200)
  await call.bye()
  await bench.idle()
})

t.test('a reliable response from a phone gets its PRACK from the application, once', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const srf = await bench.application()
  const provisionals: number[] = []
  const calling = srf.createUAC(
    phone.uri,
    { localSdp: sdp(4000), headers: { Supported: '100rel' } },
    { cbProvisional: (res: SrfResponse) => provisionals.push(res.status) }
  )
  const call = await phone.nextInvite()
  const reliably = { Require: '100rel', RSeq: '17' }
  call.progress(183, 'Session Progress', sdp(5000), reliably)
  call.progress(183, 'Session Progress', sdp(5000), reliably)
  const prack = await call.nextRequest('PRACK')
  t.match(headerIn(prack.message, 'rack'), /^17 \d+ INVITE$/)
  await call.answer(sdp(5000))
  const dialog: SrfDialog = await calling
  t.same(provisionals, [183])
  await Promise.all([call.waitForBye(), dialog.destroy()])
  await bench.idle()
})

t.test('a caller that does not take reliable responses is not sent one', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const refused = Promise.withResolvers<unknown>()
  await bench.application(srf =>
    srf.invite((_req, res) => {
      res.send(183, { headers: { Require: '100rel' } }, (err: unknown) => {
        refused.resolve(err)
        res.send(486)
      })
    })
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  t.equal(await refused.promise, 'Remote endpoint does not support 100rel')
  t.equal((await call.answered()).status, 486)
  await bench.idle()
})
