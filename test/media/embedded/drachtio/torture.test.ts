import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import { parseMessage } from '../../../../media/embedded/drachtio/sip/parse.ts'
import { refusalOf } from '../../../../media/embedded/drachtio/sip/validate.ts'
import { StreamFraming } from '../../../../media/embedded/drachtio/transport/framing.ts'
import { startSipPhone } from '../../../support/sip-phone.ts'
import { type Bench, type SrfRequest, sdp, startBench } from './harness.ts'
import { TORTURE } from './torture-messages.ts'

/** An application that answers everything at once. */
async function answersEverything(bench: Bench, seen: (req: SrfRequest) => void): Promise<void> {
  await bench.application(srf => {
    const answer = (req: SrfRequest, res: { send: (status: number) => void }) => {
      seen(req)
      res.send(req.method === 'INVITE' ? 486 : 200)
    }
    srf.invite(answer)
    srf.options(answer)
    srf.register(answer)
    srf.message(answer)
  })
}

t.test('the torture messages of RFC 4475', async t => {
  await using bench = await startBench()
  const seen: SrfRequest[] = []
  await answersEverything(bench, req => seen.push(req))
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const { port } = socket.address()
  const answers: string[] = []
  socket.on('message', bytes => answers.push(bytes.toString('utf8')))

  for (const { name, text, expect, why } of TORTURE) {
    answers.length = 0
    seen.length = 0
    // The Via names hosts of the RFC; asking for rport brings the answers here instead (RFC 3581).
    const local = Buffer.from(
      text.toString('latin1').replace(/((?:Via|V)\s*:\s*SIP\s*\/\s*2\.0\s*\/\s*[A-Z]+\s+[^\s;,]+)/i, '$1;rport'),
      'latin1'
    )
    socket.send(
      Buffer.isBuffer(text) ? local : Buffer.from(local.toString('latin1'), 'latin1'),
      bench.udpPort,
      '127.0.0.1'
    )
    // A probe that is answered afterwards shows that the message before it was dealt with.
    socket.send(probe(name, port), bench.udpPort, '127.0.0.1')
    const end = Date.now() + 3_000
    while (!answers.some(a => a.includes(`Call-ID: probe-${name}`)) && Date.now() < end) {
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    // A refused INVITE is refused again until its ACK, which these senders never give.
    const callIdIn = (a: string) => /\r\nCall-ID: ([^\r]*)/.exec(a)?.[1] ?? ''
    const finals = answers.filter(a => !a.startsWith('SIP/2.0 100') && text.includes(callIdIn(a)))
    const statuses = finals.map(a => Number(a.slice(8, 11)))
    const handed = seen.filter(req => !req.get('call-id').startsWith('probe-'))
    if (expect === 'app') {
      t.equal(handed.length, 1, `${name} reaches the application (${why})`)
      t.ok([200, 486].includes(statuses[0] ?? 0), `${name} is answered`)
    } else if (expect === 'none') {
      t.same([handed.length, statuses], [0, []], `${name} is dropped (${why})`)
    } else {
      t.same([handed.length, statuses[0]], [0, expect], `${name} is refused with ${expect} (${why})`)
    }
  }
  await bench.idle(8_000)
})

function probe(name: string, port: number): Buffer {
  return Buffer.from(
    [
      'OPTIONS sip:probe@127.0.0.1 SIP/2.0',
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKprobe${name}`,
      'From: <sip:probe@127.0.0.1>;tag=p',
      'To: <sip:probe@127.0.0.1>',
      `Call-ID: probe-${name}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '',
      ''
    ].join('\r\n')
  )
}

t.test('random bytes and mutated messages never throw, whatever they are', async t => {
  const seeds = TORTURE.map(m => Buffer.from(m.text))
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(4_000), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'add')), {
        maxLength: 12
      })
    )
    .map(([seed, changes]) => {
      let bytes = Buffer.from(seed)
      for (const [at, value, how] of changes) {
        const index = bytes.length === 0 ? 0 : at % bytes.length
        if (how === 'set') bytes[index] = value
        else if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + (value % 40))])
        else bytes = Buffer.concat([bytes.subarray(0, index), Buffer.from([value, value]), bytes.subarray(index)])
      }
      return bytes
    })
  const handle = (bytes: Buffer) => {
    const result = parseMessage(bytes)
    if (result.kind === 'message' && result.message.kind === 'request') refusalOf(result.message)
    const framing = new StreamFraming()
    const cut = Math.floor(bytes.length / 3)
    framing.push(bytes.subarray(0, cut))
    framing.push(bytes.subarray(cut))
  }
  fc.assert(fc.property(mutated, handle), { numRuns: 2_000 })
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }).map(a => Buffer.from(a)),
      handle
    ),
    { numRuns: 1_000 }
  )
  t.pass()
})

t.test('a flood of nonsense over UDP and TCP leaves nothing behind, and calls still work', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  await using tcp = await startSipPhone({ transport: 'tcp' })
  await bench.application(srf =>
    srf.invite(async (req, res) => void (await srf.createUAS(req, res, { localSdp: sdp(4000) })))
  )
  const nonsense = fc.sample(fc.uint8Array({ minLength: 5, maxLength: 800 }), { numRuns: 150, seed: 7 })
  for (const bytes of nonsense) await phone.send(Buffer.from(bytes), { host: '127.0.0.1', port: bench.udpPort })
  const pieces = fc.sample(fc.constantFrom(...TORTURE), { numRuns: 150, seed: 7 })
  for (const { text } of pieces) {
    const bytes = Buffer.from(text)
    await phone.send(bytes.subarray(0, Math.floor(bytes.length * 0.8)), { host: '127.0.0.1', port: bench.udpPort })
  }
  await tcp.send('INVITE sip:x SIP/2.0\r\nContent-Length: banana\r\n\r\n', { host: '127.0.0.1', port: bench.tcpPort })
  const call = phone.call(bench.uri('1000'), { sdp: sdp(5000) })
  t.equal((await call.answered()).status, 200)
  await call.bye()
  const stats = await bench.idle(8_000)
  t.ok(stats.malformed > 100)
})

t.test('responses, and datagrams without a usable Via, are never answered', async t => {
  await using bench = await startBench()
  await using phone = await startSipPhone({ transport: 'udp' })
  const to = { host: '127.0.0.1', port: bench.udpPort }
  await phone.send('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n', to)
  await phone.send('OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n', to)
  await phone.send('OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: nonsense\r\nCSeq: 1 OPTIONS\r\n\r\n', to)
  await phone.send('\r\n\r\n', to)
  const answer = await phone.request('OPTIONS', bench.uri('x'))
  t.equal(answer.status, 503, 'nobody routes OPTIONS')
  t.equal(phone.received.length, 1)
  t.equal(bench.stats().transactions, 0)
})
