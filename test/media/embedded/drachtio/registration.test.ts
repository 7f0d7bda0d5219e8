import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { headerIn, startSipPhone } from '../../../support/sip-phone.ts'
import { type SrfRequest, type SrfResponse, sdp, startBench } from './harness.ts'

const CHALLENGE = 'Digest realm="parley", nonce="5f1c", qop="auth", algorithm=MD5'

t.test('a phone registers over TCP with digest, and calls to its contact use its connection', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'tcp', user: 'desk1' })
  const srf = await bench.application(srf =>
    srf.register((req, res) => {
      if (!req.has('Authorization')) res.send(401, { headers: { 'WWW-Authenticate': CHALLENGE } })
      else res.send(200, { headers: { Contact: `${req.get('Contact')};expires=60`, Expires: '60' } })
    })
  )
  const answer = await phone.register(bench.uri('', 'tcp').replace('@', ''), {
    user: 'desk1',
    password: 'pw',
    via: { host: '127.0.0.1', port: bench.tcpPort }
  })
  t.equal(answer.status, 200)
  t.equal(bench.stats().tcpConnections, 1)
  // The contact names a place that nobody listens on: only the connection can lead there.
  const calling = srf.createUAC(`sip:desk1@${phone.host}:${phone.port};transport=tcp`, { localSdp: sdp(4000) })
  const call = await phone.nextInvite()
  await call.answer(sdp(5000))
  const dialog = await calling
  t.equal(bench.stats().tcpConnections, 1, 'no second connection was made')
  await Promise.all([call.waitForBye(), dialog.destroy()])
  await bench.idle()
})

t.test('an INVITE that is challenged is sent again with credentials, and the call stands', async t => {
  for (const status of [401, 407]) {
    await using bench = await startBench()
    await using phone = await startSipPhone({ transport: 'udp' })
    const srf = await bench.application()
    const calling = srf.createUAC(phone.uri, { localSdp: sdp(4000), auth: { username: 'trunk', password: 'pw' } })
    const first = await phone.nextInvite()
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    first.reject(status, 'Unauthorized', { [name]: CHALLENGE })
    const second = await phone.nextInvite()
    t.equal(second.callId, first.callId)
    t.equal(
      Number.parseInt(headerIn(second.invite, 'cseq'), 10),
      Number.parseInt(headerIn(first.invite, 'cseq'), 10) + 1
    )
    const credentials = headerIn(second.invite, status === 401 ? 'authorization' : 'proxy-authorization')
    const field = (key: string) => new RegExp(`${key}="?([^",]+)`).exec(credentials)?.[1] ?? ''
    const md5 = (text: string) => createHash('md5').update(text).digest('hex')
    const expected = md5(
      `${md5('trunk:parley:pw')}:5f1c:${field('nc')}:${field('cnonce')}:auth:${md5(`INVITE:${field('uri')}`)}`
    )
    t.equal(field('response'), expected)
    await second.answer(sdp(5000))
    const dialog = await calling
    t.equal(dialog.sip.callId, second.callId)
    await Promise.all([second.waitForBye(), dialog.destroy()])
    await bench.idle()
  }
})

t.test('a caller is challenged by the application and let in with the right credentials', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const tried: boolean[] = []
  await bench.application(srf =>
    srf.invite(async (req: SrfRequest, res: SrfResponse) => {
      tried.push(req.has('Proxy-Authorization'))
      if (!req.has('Proxy-Authorization')) return res.send(407, { headers: { 'Proxy-Authenticate': CHALLENGE } })
      await srf.createUAS(req, res, { localSdp: sdp(4000) })
      return undefined
    })
  )
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000), auth: { user: 'desk1', password: 'pw' } })
  t.equal((await call.answered()).status, 200)
  t.same(tried, [false, true])
  await call.bye()
  await bench.idle()
})

t.test('a phone behind NAT is reached where it sends from', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp', user: 'nat' })
  const answered = Promise.withResolvers<{ destroy: () => Promise<unknown> }>()
  await bench.application(srf =>
    srf.invite(async (req, res) => answered.resolve(await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const invite = [
    `INVITE ${bench.uri('1000')} SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKnat1;rport',
    'From: <sip:nat@192.0.2.7>;tag=nat',
    'To: <sip:1000@127.0.0.1>',
    'Call-ID: nat-1',
    'CSeq: 1 INVITE',
    'Contact: <sip:nat@192.0.2.7:5060>',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '',
    ''
  ].join('\r\n')
  await phone.send(invite, { host: '127.0.0.1', port: bench.udpPort })
  const ok = await phone.nextMessage(m => m.status === 200)
  t.match(headerIn(ok, 'via'), new RegExp(`;rport=${phone.port};received=127\\.0\\.0\\.1`))
  const ack = invite
    .replace(/INVITE/g, 'ACK')
    .replace('z9hG4bKnat1', 'z9hG4bKnat2')
    .replace('To: <sip:1000@127.0.0.1>', `To: ${headerIn(ok, 'to')}`)
  await phone.send(ack, { host: '127.0.0.1', port: bench.udpPort })
  const ending = (await answered.promise).destroy()
  const bye = await phone.nextMessage(m => m.method === 'BYE')
  t.equal(bye.uri, 'sip:nat@192.0.2.7:5060', 'the Request-URI stays the contact')
  await ending
  await bench.idle()
})

t.test('a keep-alive over TCP is answered, and messages are cut from the stream however they arrive', async t => {
  await using bench = await startBench()
  await bench.application(srf => srf.options((_req, res) => res.send(200)))
  const socket = connect(bench.tcpPort, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let got = ''
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString('utf8')
  })
  const until = async (wanted: RegExp) => {
    const end = Date.now() + 2_000
    while (!wanted.test(got)) {
      if (Date.now() > end) throw new Error(`${wanted} did not come: ${got}`)
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
  socket.write('\r\n\r\n')
  await until(/^\r\n$/)
  const options = (n: number) =>
    `OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKs${n}\r\nf: <sip:a@b>;tag=1\r\nt: <sip:x@b>\r\ni: stream${n}\r\nCSeq: 1 OPTIONS\r\nl: 3\r\n\r\nabc`
  for (const piece of (options(1) + options(2)).match(/.{1,17}/gs) ?? []) {
    socket.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  await until(/stream1.*200 OK.*stream2/s)
  t.equal(bench.stats().malformed, 0)
  socket.write(options(3).replace('l: 3', 'l: three'))
  await until(/400 Bad Request/)
  if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(2_000) })
})
