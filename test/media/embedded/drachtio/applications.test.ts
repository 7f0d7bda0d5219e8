import t from 'tap'
import { headerIn, startSipPhone } from '../../../support/sip-phone.ts'
import { type SrfDialog, sdp, startBench } from './harness.ts'

t.test('calls go to the applications in turn, and what follows stays with the one that answered', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const ended: string[] = []
  for (const name of ['a', 'b']) {
    await bench.application(srf =>
      srf.invite(async (req, res) => {
        const dialog = await srf.createUAS(req, res, { localSdp: sdp(4000), headers: { 'X-App': name } })
        dialog.on('destroy', () => ended.push(name))
      })
    )
  }
  const names: string[] = []
  for (let i = 0; i < 4; i++) {
    const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
    names.push(headerIn((await call.answered()).message, 'x-app'))
    await call.bye()
  }
  t.same(names, ['a', 'b', 'a', 'b'])
  t.same(ended, names)
  await bench.idle()
})

t.test('when an application goes, its callers who wait get 503 and the calls it was making are cancelled', async t => {
  await using bench = await startBench()
  await using caller = await startSipPhone({ transport: 'udp' })
  await using callee = await startSipPhone({ transport: 'udp' })
  const srf = await bench.application(srf => srf.invite((_req, res) => res.send(180)))
  const call = caller.call(bench.uri('1000'), { sdp: sdp(5000) })
  await call.provisional(180)
  srf.createUAC(callee.uri, { localSdp: sdp(4000) }).catch(() => {})
  const ringing = await callee.nextInvite()
  ringing.ring()
  // The 180 has arrived when an answer that was sent after it has been used.
  await callee.request('OPTIONS', bench.uri('probe'))
  srf.disconnect()
  t.equal((await call.answered()).status, 503)
  await ringing.waitForCancel()
  await bench.idle()
})

t.test('a dialog whose application has gone answers 481 and is ended with a BYE in the end', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const answered = Promise.withResolvers<SrfDialog>()
  const srf = await bench.application(srf =>
    srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  await call.answered()
  await answered.promise
  srf.disconnect()
  while (bench.stats().applications > 0) await new Promise(resolve => setTimeout(resolve, 2))
  t.equal((await call.info('x', 'text/plain')).status, 481)
  t.match(headerIn(await call.waitForBye(), 'reason'), /application gone/)
  await bench.idle()
})

t.test('another application ends such a dialog by its id', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const answered = Promise.withResolvers<SrfDialog>()
  const srf = await bench.application(srf =>
    srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  await call.answered()
  const { id } = await answered.promise
  srf.disconnect()
  const other = await bench.application()
  await Promise.all([
    call.waitForBye(),
    other.request('sip:placeholder', { method: 'BYE', stackDialogId: id } as object)
  ])
  t.pass('the phone was hung up on')
  await bench.idle()
})

t.test('calls above the limit get 503 with Retry-After, and are counted', async t => {
  await using bench = await startBench({ maxCalls: 2 })
  await using phone = await startSipPhone({ transport: 'udp' })
  await bench.application(srf =>
    srf.invite(async (req, res) => void (await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const calls = [phone.call(bench.uri('1'), { sdp: sdp(5000) }), phone.call(bench.uri('2'), { sdp: sdp(5000) })]
  for (const call of calls) t.equal((await call.answered()).status, 200)
  const refused = await phone.call(bench.uri('3'), { sdp: sdp(5000) }).answered()
  t.equal(refused.status, 503)
  t.match(headerIn(refused.message, 'retry-after'), /^\d+$/)
  t.equal(bench.stats().callsRefused, 1)
  await calls[0]?.bye()
  const next = phone.call(bench.uri('4'), { sdp: sdp(5000) })
  t.equal((await next.answered()).status, 200)
  await Promise.all([calls[1]?.bye(), next.bye()])
  await bench.idle()
})

t.test(
  'OPTIONS, MESSAGE, PUBLISH, SUBSCRIBE and REFER outside calls reach the application that asked for them',
  async t => {
    await using bench = await startBench()
    await using phone = await startSipPhone({ transport: 'udp' })
    const seen: string[] = []
    const subscribed = Promise.withResolvers<SrfDialog>()
    await bench.application(srf => {
      const answer =
        (status: number) => (req: { method: string; body: string }, res: { send: (status: number) => void }) => {
          seen.push(`${req.method} ${req.body}`)
          res.send(status)
        }
      srf.options(answer(200))
      srf.message(answer(202))
      srf.publish(answer(200))
      srf.refer(answer(603))
      srf.subscribe(async (req, res) =>
        subscribed.resolve(await srf.createUAS(req, res, { headers: { Expires: '60' } }))
      )
    })
    t.equal((await phone.request('OPTIONS', bench.uri('x'))).status, 200)
    const text = { headers: { 'Content-Type': 'text/plain' }, body: 'grüße' }
    t.equal((await phone.request('MESSAGE', bench.uri('x'), text)).status, 202)
    t.equal((await phone.request('PUBLISH', bench.uri('x'), text)).status, 200)
    t.equal((await phone.request('REFER', bench.uri('x'))).status, 603)
    t.same(seen, ['OPTIONS ', 'MESSAGE grüße', 'PUBLISH grüße', 'REFER '])
    const subscription = phone.request('SUBSCRIBE', bench.uri('x'), { headers: { Event: 'dialog', Expires: '60' } })
    t.equal((await subscription).status, 202)
    const dialog = await subscribed.promise
    t.equal(bench.stats().dialogs, 1)
    await dialog.destroy()
    const notify = await phone.nextRequest('NOTIFY')
    t.equal(headerIn(notify.message, 'subscription-state'), 'terminated')
    t.equal((await phone.request('BYE', bench.uri('x'))).status, 481, 'there is no such dialog')
    t.equal((await phone.request('DANCE', bench.uri('x'))).status, 501)
    await bench.idle()
  }
)
