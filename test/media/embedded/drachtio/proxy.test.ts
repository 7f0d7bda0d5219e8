import t from 'tap'
import { headerIn, startSipPhone } from '../../../support/sip-phone.ts'
import { type SrfProxyResult, sdp, startBench } from './harness.ts'

t.test('a proxied call is set up, and with Record-Route what follows passes through as well', async t => {
  await using bench = await startBench()
  await using caller = await startSipPhone({ transport: 'udp', user: 'caller' })
  await using callee = await startSipPhone({ transport: 'udp', user: 'callee' })
  const result = Promise.withResolvers<SrfProxyResult>()
  await bench.application(srf =>
    srf.invite(async req => result.resolve(await srf.proxyRequest(req, [callee.uri], { recordRoute: true })))
  )
  const call = caller.call(bench.uri('2000'), { sdp: sdp(5000) })
  const other = await callee.nextInvite()
  t.equal(headerIn(other.invite, 'max-forwards'), '69')
  t.match(headerIn(other.invite, 'record-route'), `<sip:127.0.0.1:${bench.udpPort};lr>`)
  t.equal(other.invite.headers.get('via')?.length, 2)
  other.ring()
  await call.provisional(180)
  await other.answer(sdp(6000))
  const answer = await call.answered()
  t.equal(answer.sdp, sdp(6000))
  t.equal(answer.message.headers.get('via')?.length, 1)
  t.match(await result.promise, { connected: true, finalStatus: 200 })
  t.equal((await call.info('hi', 'text/plain')).status, 200)
  t.equal((await other.nextRequest('INFO')).message.headers.get('via')?.length, 2, 'it came through the proxy')
  t.equal((await other.bye()).status, 200)
  await call.waitForBye()
  await bench.idle()
})

t.test('targets are tried one after the other until one answers', async t => {
  await using bench = await startBench()
  await using caller = await startSipPhone({ transport: 'udp', user: 'caller' })
  await using first = await startSipPhone({ transport: 'udp', user: 'first' })
  await using second = await startSipPhone({ transport: 'tcp', user: 'second' })
  const result = Promise.withResolvers<SrfProxyResult>()
  await bench.application(srf =>
    srf.invite(async req => result.resolve(await srf.proxyRequest(req, [first.uri, second.uri], { recordRoute: true })))
  )
  const call = caller.call(bench.uri('2000'), { sdp: sdp(5000) })
  ;(await first.nextInvite()).reject(486, 'Busy Here')
  const other = await second.nextInvite()
  await Promise.all([other.answer(sdp(6000)), call.answered()])
  const { responses } = await result.promise
  t.same(
    responses.flatMap(r => r.msgs.map(m => m.status)),
    [486, 200]
  )
  await Promise.all([other.waitForBye(), call.bye()])
  await bench.idle()
})

t.test('targets that are rung at once: the first to answer wins and the other is cancelled', async t => {
  await using bench = await startBench()
  await using caller = await startSipPhone({ transport: 'udp', user: 'caller' })
  await using first = await startSipPhone({ transport: 'udp', user: 'first' })
  await using second = await startSipPhone({ transport: 'udp', user: 'second' })
  await bench.application(srf =>
    srf.invite(async req => void (await srf.proxyRequest(req, [first.uri, second.uri], { forking: 'simultaneous' })))
  )
  const call = caller.call(bench.uri('2000'), { sdp: sdp(5000) })
  const [a, b] = await Promise.all([first.nextInvite(), second.nextInvite()])
  a.ring()
  b.ring()
  await call.provisional(180)
  await call.provisional(180)
  await Promise.all([b.answer(sdp(6000)), call.answered(), a.waitForCancel()])
  t.equal(call.remoteSdp, sdp(6000))
  await Promise.all([b.waitForBye(), call.bye()])
  await bench.idle()
})

t.test('redirects are followed, the best failure goes back, and a caller may give up', async t => {
  await using bench = await startBench()
  await using caller = await startSipPhone({ transport: 'udp', user: 'caller' })
  await using first = await startSipPhone({ transport: 'udp', user: 'first' })
  await using second = await startSipPhone({ transport: 'udp', user: 'second' })
  const results: SrfProxyResult[] = []
  await bench.application(srf =>
    srf.invite(async req => results.push(await srf.proxyRequest(req, [first.uri], { followRedirects: true })))
  )
  const redirected = caller.call(bench.uri('2000'), { sdp: sdp(5000) })
  ;(await first.nextInvite()).reject(302, 'Moved', { Contact: `<${second.uri}>` })
  ;(await second.nextInvite()).reject(480, 'Temporarily Unavailable')
  t.equal((await redirected.answered()).status, 302, '3xx ranks before 4xx')

  const given = caller.call(bench.uri('2000'), { sdp: sdp(5000) })
  const ringing = await first.nextInvite()
  ringing.ring()
  await given.provisional(180)
  t.equal((await given.cancel()).status, 200)
  t.equal((await given.answered()).status, 487)
  await ringing.waitForCancel()
  await bench.idle()
  t.equal(results.length, 2)
})

t.test('a silent target is left after its time-out, and an exhausted request is refused with 483', async t => {
  await using bench = await startBench()
  await using caller = await startSipPhone({ transport: 'udp', user: 'caller' })
  await using second = await startSipPhone({ transport: 'udp', user: 'second' })
  const silent = await startSipPhone({ transport: 'udp', user: 'silent' })
  await silent[Symbol.asyncDispose]()
  const failed = Promise.withResolvers<unknown>()
  await bench.application(srf => {
    srf.invite(
      async req => void (await srf.proxyRequest(req, [silent.uri, second.uri], { provisionalTimeout: '50ms' }))
    )
    srf.options(req => srf.proxyRequest(req, [second.uri]).catch(failed.resolve))
  })
  const call = caller.call(bench.uri('2000'), { sdp: sdp(5000) })
  const other = await second.nextInvite()
  await Promise.all([other.answer(sdp(6000)), call.answered()])
  await Promise.all([other.waitForBye(), call.bye()])
  t.equal((await caller.request('OPTIONS', bench.uri('x'))).status, 200, 'other requests are proxied too')
  await caller.send(
    `OPTIONS ${bench.uri('x')} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${caller.port};branch=z9hG4bKmf0\r\nMax-Forwards: 0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: mf0\r\nCSeq: 1 OPTIONS\r\n\r\n`,
    { host: '127.0.0.1', port: bench.udpPort }
  )
  t.equal((await caller.nextMessage(m => headerIn(m, 'call-id') === 'mf0')).status, 483)
  t.match(await failed.promise, /483/)
  await bench.idle()
})
