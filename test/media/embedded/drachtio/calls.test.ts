import { once } from 'node:events'
import t from 'tap'
import { headerIn, startSipPhone } from '../../../support/sip-phone.ts'
import { type SrfDialog, type SrfError, type SrfRequest, sdp, startBench } from './harness.ts'

for (const transport of ['udp', 'tcp'] as const) {
  t.test(`over ${transport}`, async t => {
    t.test('a caller is answered by the application, talks and hangs up', async t => {
      await using bench = await startBench()
      await using phone = await startSipPhone({ transport })
      let request: SrfRequest | undefined
      let dialog: SrfDialog | undefined
      const acked = Promise.withResolvers<void>()
      const srf = await bench.application(srf =>
        srf.invite(async (req, res) => {
          request = req
          dialog = await srf.createUAS(req, res, { localSdp: sdp(4000), headers: { 'X-Flow': 'greeting' } })
          dialog.once('ack', () => acked.resolve())
        })
      )
      const call = phone.call(bench.uri('1000', transport), { sdp: sdp(5000) })
      const answer = await call.answered()
      t.equal(answer.status, 200)
      t.equal(answer.sdp, sdp(4000))
      t.equal(headerIn(answer.message, 'x-flow'), 'greeting')
      t.match(headerIn(answer.message, 'contact'), transport === 'tcp' ? /transport=tcp/ : `:${bench.udpPort}>`)
      await acked.promise
      t.equal(request?.source_address, '127.0.0.1')
      t.equal(request?.protocol, transport)
      if (transport === 'udp') t.equal(request?.source_port, phone.port)
      t.equal(request?.body, sdp(5000))
      const destroyed = once(dialog ?? t, 'destroy', { signal: AbortSignal.timeout(2_000) })
      t.equal((await call.bye()).status, 200)
      const [, why] = await destroyed
      t.equal(why, 'normal release')
      await bench.idle()
      t.ok(srf)
    })

    t.test('the application hangs up and the phone hears it', async () => {
      await using bench = await startBench()
      await using phone = await startSipPhone({ transport })
      const answered = Promise.withResolvers<SrfDialog>()
      await bench.application(srf =>
        srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
      )
      const call = phone.call(bench.uri('1000', transport), { sdp: sdp(5000) })
      await call.answered()
      const [bye] = await Promise.all([
        call.waitForBye(),
        (await answered.promise).destroy({ headers: { 'X-Why': 'done' } })
      ])
      t.equal(headerIn(bye, 'x-why'), 'done')
      await bench.idle()
    })

    t.test(
      'a caller who gives up gets 200 to the CANCEL and 487 to the INVITE, and the application is told',
      async t => {
        await using bench = await startBench()
        await using phone = await startSipPhone({ transport })
        const cancelled = Promise.withResolvers<void>()
        await bench.application(srf =>
          srf.invite((req, res) => {
            req.on('cancel', () => cancelled.resolve())
            res.send(180)
          })
        )
        const call = phone.call(bench.uri('1000', transport), { sdp: sdp(5000) })
        await call.provisional(180)
        t.equal((await call.cancel()).status, 200)
        t.equal((await call.answered()).status, 487)
        await cancelled.promise
        await bench.idle()
      }
    )

    t.test('the application calls a phone, which answers and hangs up', async t => {
      await using bench = await startBench()
      await using phone = await startSipPhone({ transport })
      const srf = await bench.application()
      const ringing = Promise.withResolvers<number>()
      const calling = srf.createUAC(
        phone.uri,
        {
          localSdp: sdp(4000),
          callingNumber: '+12025550100',
          headers: { 'User-Agent': 'parley', 'X-Esl-Outbound': '1' }
        },
        { cbProvisional: (res: { status: number }) => ringing.resolve(res.status) }
      )
      const call = await phone.nextInvite()
      t.match(headerIn(call.invite, 'from'), /^<sip:\+12025550100@127\.0\.0\.1:\d+>;tag=/, 'localhost is filled in')
      t.match(headerIn(call.invite, 'contact'), /^<sip:\+12025550100@127\.0\.0\.1:\d+/)
      t.match(call.invite.raw, /\r\nUser-Agent: parley\r\n/)
      t.match(call.invite.raw, /\r\nX-Esl-Outbound: 1\r\n/)
      call.ring()
      t.equal(await ringing.promise, 180)
      await call.answer(sdp(5000))
      const dialog = await calling
      t.equal(dialog.remote.sdp, sdp(5000))
      t.equal(call.sdp, sdp(4000))
      const destroyed = once(dialog, 'destroy', { signal: AbortSignal.timeout(2_000) })
      t.equal((await call.bye()).status, 200)
      await destroyed
      await bench.idle()
    })

    t.test('the application gives up a call that rings', async t => {
      await using bench = await startBench()
      await using phone = await startSipPhone({ transport })
      const srf = await bench.application()
      const sent = Promise.withResolvers<SrfRequest>()
      const calling = srf.createUAC(
        phone.uri,
        { localSdp: sdp(4000) },
        { cbRequest: (_e: unknown, req: SrfRequest) => sent.resolve(req) }
      )
      const call = await phone.nextInvite()
      call.ring()
      ;(await sent.promise).cancel()
      await call.waitForCancel()
      t.match(await calling.catch((err: SrfError) => err), { status: 487 })
      await bench.idle()
    })

    t.test('a refused call reaches the application with its status', async t => {
      await using bench = await startBench()
      await using phone = await startSipPhone({ transport })
      const srf = await bench.application()
      const calling = srf.createUAC(phone.uri, { localSdp: sdp(4000) })
      const call = await phone.nextInvite()
      call.reject(486, 'Busy Here', { 'X-Cause': '17' })
      const err = await calling.then(
        () => t.fail('answered'),
        (err: SrfError) => err
      )
      t.match(err, { status: 486 })
      t.equal((err as SrfError).res.get('X-Cause'), '17')
      await bench.idle()
    })

    t.test('media is renegotiated from both sides, and INFO, UPDATE, REFER and NOTIFY pass both ways', async t => {
      await using bench = await startBench()
      await using phone = await startSipPhone({ transport })
      const answered = Promise.withResolvers<SrfDialog>()
      await bench.application(srf =>
        srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
      )
      const call = phone.call(bench.uri('1000', transport), { sdp: sdp(5000) })
      await call.answered()
      const dialog = await answered.promise
      const infos: string[] = []
      dialog.on('info', (req, res) => {
        infos.push(req.body)
        res.send(200)
      })
      dialog.on('refer', (_req, res) => res.send(202))
      dialog.on('update', (_req, res) => res.send(200, { headers: { 'X-Seen': '1' } }))
      t.equal((await call.reinvite(sdp(5002))).status, 200)
      t.equal(dialog.remote.sdp, sdp(5002))
      t.equal(await dialog.modify(sdp(4002)), sdp(5002), 'the phone answers with its latest description')
      t.equal(call.remoteSdp, sdp(4002))
      t.equal((await call.info('Signal=5\r\n', 'application/dtmf-relay')).status, 200)
      t.same(infos, ['Signal=5\r\n'])
      t.equal((await call.refer('<sip:agent@127.0.0.1>')).status, 202)
      t.equal(headerIn(await call.update(sdp(5002)), 'x-seen'), '1')
      const sent = [
        await dialog.request({ method: 'INFO', headers: { 'Content-Type': 'text/plain' }, body: 'hello' }),
        await dialog.request({ method: 'REFER', headers: { 'Refer-To': '<sip:x@127.0.0.1>' } }),
        await dialog.request({ method: 'NOTIFY', headers: { Event: 'refer', 'Subscription-State': 'active' } }),
        await dialog.request({ method: 'UPDATE', body: sdp(4002) }),
        await dialog.request({ method: 'MESSAGE', headers: { 'Content-Type': 'text/plain' }, body: 'hi' }),
        await dialog.request({ method: 'OPTIONS' })
      ]
      t.same(
        sent.map(r => r.status),
        [200, 200, 200, 200, 200, 200]
      )
      t.equal((await call.nextRequest('INFO')).message.body, 'hello')
      t.equal((await call.bye()).status, 200)
      await bench.idle()
    })

    t.test('a call is bridged through the application and ends on both sides', async t => {
      await using bench = await startBench()
      await using caller = await startSipPhone({ transport, user: 'caller' })
      await using callee = await startSipPhone({ transport, user: 'callee' })
      await bench.application(srf =>
        srf.invite(async (req, res) => {
          const { uas, uac } = await srf.createB2BUA(req, res, callee.uri, { localSdpB: req.body })
          uas.on('destroy', () => void uac.destroy())
          uac.on('destroy', () => void uas.destroy())
        })
      )
      const call = caller.call(bench.uri('2000', transport), { sdp: sdp(5000) })
      const other = await callee.nextInvite()
      other.ring()
      await call.provisional(180)
      await other.answer(sdp(6000))
      t.equal((await call.answered()).sdp, sdp(6000))
      const [bye] = await Promise.all([other.waitForBye(), call.bye()])
      t.ok(bye)
      await bench.idle()
    })
  })
}
