import t from 'tap'
import { headerIn, startSipPhone } from '../../../support/sip-phone.ts'
import { type SrfDialog, sdp, startBench } from './harness.ts'

t.test(
  'requests of a dialog follow the route that the answer recorded, and a loose router finds the target intact',
  async t => {
    await using bench = await startBench()
    await using phone = await startSipPhone({ transport: 'udp' })
    await using router = await startSipPhone({ transport: 'udp', manual: ['ACK', 'BYE'] })
    const srf = await bench.application()
    const route = `<sip:127.0.0.1:${router.port};lr>`
    const calling = srf.createUAC(phone.uri, { localSdp: sdp(4000) })
    const call = await phone.nextInvite()
    call.progress(200, 'OK', sdp(5000), { 'Record-Route': `<sip:127.0.0.1:9;lr>, ${route}` })
    const ack = await router.nextMessage(m => m.method === 'ACK')
    t.equal(ack.uri, phone.uri, 'the Request-URI is the contact of the phone')
    t.same(ack.headers.get('route')?.join(', '), `${route}, <sip:127.0.0.1:9;lr>`, 'the recorded route in reverse')
    const dialog = await calling
    const ending = dialog.destroy()
    const bye = await router.nextRequest('BYE')
    t.equal(headerIn(bye.message, 'route'), route)
    bye.reply(200, 'OK')
    await ending
    await bench.idle()
  }
)

t.test('a strict router gets itself in the Request-URI and the target at the end of the route', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  await using router = await startSipPhone({ transport: 'udp', manual: ['BYE'] })
  const answered = Promise.withResolvers<SrfDialog>()
  await bench.application(srf =>
    srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const strict = `sip:127.0.0.1:${router.port}`
  const call = phone.call(bench.uri('1000'), {
    sdp: sdp(5000),
    headers: { 'Record-Route': `<${strict}>, <sip:127.0.0.1:9;lr>` },
    autoAck: false
  })
  const answer = await call.answered()
  t.equal(headerIn(answer.message, 'record-route'), `<${strict}>, <sip:127.0.0.1:9;lr>`, 'the answer carries it back')
  call.routeSet = []
  call.ack()
  const dialog = await answered.promise
  const ending = dialog.destroy()
  const bye = await router.nextRequest('BYE')
  t.equal(bye.message.uri, strict)
  t.equal(bye.message.headers.get('route')?.join(', '), `<sip:127.0.0.1:9;lr>, <${phone.uri}>`)
  bye.reply(200, 'OK')
  await ending
  await bench.idle()
})

t.test('createUAC sends through the proxy it is given and keeps the Request-URI', async t => {
  await using bench = await startBench()
  await using trunk = await startSipPhone({ transport: 'tcp' })
  const srf = await bench.application()
  const calling = srf.createUAC('sip:+442079460123@trunk.example', {
    localSdp: sdp(4000),
    proxy: `sip:127.0.0.1:${trunk.port};transport=tcp`,
    headers: { To: '<sip:+442079460123@trunk.example>' }
  })
  const call = await trunk.nextInvite()
  t.equal(call.invite.uri, 'sip:+442079460123@trunk.example')
  t.match(headerIn(call.invite, 'via'), /SIP\/2\.0\/TCP/)
  await call.answer(sdp(5000))
  const dialog = await calling
  await Promise.all([call.waitForBye(), dialog.destroy()])
  await bench.idle()
})

t.test('requests out of order, offers that cross, and a second offer before the first answer are refused', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp', manual: ['INVITE'] })
  const answered = Promise.withResolvers<SrfDialog>()
  await bench.application(srf =>
    srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  await call.answered()
  const dialog = await answered.promise
  const offers: { send: (status: number, options?: object) => void }[] = []
  dialog.on('modify', (_req, res) => offers.push(res))

  const modifying = dialog.modify(sdp(4002))
  const ours = await call.nextRequest('INVITE')
  t.equal((await call.reinvite(sdp(5002))).status, 491, 'our offer is on its way')
  ours.reply(200, 'OK', { Contact: phone.contact, 'Content-Type': 'application/sdp' }, sdp(5000))
  await modifying

  const first = call.reinvite(sdp(5004))
  while (offers.length === 0) await new Promise(resolve => setTimeout(resolve, 2))
  const second = await call.request('INVITE', { body: sdp(5006) })
  t.equal(second.status, 500)
  t.ok(headerIn(second, 'retry-after'))
  offers[0]?.send(200, { body: sdp(4004) })
  t.equal((await first).status, 200)
  call.sendAck(call.cseq - 1)

  call.cseq = 0
  t.equal((await call.info('late', 'text/plain')).status, 500, 'its CSeq is lower than the last')
  call.cseq = 20
  t.equal((await call.bye()).status, 200)
  await bench.idle()
})

t.test('many calls at once over both transports leave nothing behind', async t => {
  await using bench = await startBench()
  await using udp = await startSipPhone({ transport: 'udp', user: 'udp' })
  await using tcp = await startSipPhone({ transport: 'tcp', user: 'tcp' })
  let served = 0
  await bench.application(srf =>
    srf.invite(async (req, res) => {
      served++
      if (req.uri.includes('ring')) {
        res.send(180)
        return
      }
      if (req.uri.includes('busy')) {
        res.send(486)
        return
      }
      await srf.createUAS(req, res, { localSdp: sdp(4000) })
    })
  )
  udp.dropNext(30, m => m.status === 200 && headerIn(m, 'cseq').endsWith('INVITE'))
  const runs = Array.from({ length: 90 }, async (_v, i) => {
    const [phone, transport] = i % 2 === 0 ? ([udp, 'udp'] as const) : ([tcp, 'tcp'] as const)
    const kind = ['talk', 'ring', 'busy'][i % 3] ?? 'talk'
    const call = phone.call(bench.uri(kind, transport), { sdp: sdp(5000) })
    if (kind === 'ring') {
      await call.provisional(180)
      await call.cancel()
    }
    const { status } = await call.answered()
    if (status === 200) await call.bye()
    return status
  })
  const statuses = await Promise.all(runs)
  for (const status of [200, 486, 487]) t.equal(statuses.filter(s => s === status).length, 30, `${status}`)
  t.equal(served, 90)
  await bench.idle(8_000)
})
