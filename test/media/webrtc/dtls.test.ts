import { X509Certificate } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import t from 'tap'
import { CipherContext, DtlsClient, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from 'werift'
import { createCertificate, fingerprint } from '../../../media/webrtc/embedded/dtls/certificate.ts'
import { DtlsServer } from '../../../media/webrtc/embedded/dtls/dtls-server.ts'
import { Reassembler } from '../../../media/webrtc/embedded/dtls/reassembler.ts'
import { parseRecords } from '../../../media/webrtc/embedded/dtls/records.ts'
import { SRTP_PROFILES } from '../../../media/webrtc/embedded/srtp/profiles.ts'
import { endTimers, newIdentity } from './support/headless-transport.ts'

type Way = (datagram: Buffer) => readonly Buffer[]
type Identity = Awaited<ReturnType<typeof newIdentity>>
type Test = Readonly<{ teardown(clean: () => void): unknown }>
type Outcome = Readonly<{ kind: 'connected'; serverKey: Buffer }> | Readonly<{ kind: 'failed'; reason: string }>

/** What the server threw in any test, which must be nothing; werift would swallow it. */
const thrown: unknown[] = []
const certificate = createCertificate(Date.now())
const ecdsa = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 }

/** Joins a werift client and the server; `toServer` and `toClient` may change, drop, repeat or reorder what passes. */
function join(
  t: Test,
  options: Readonly<{
    shown: Identity
    announced: string
    signWith?: string
    toServer?: Way
    toClient?: Way
    extendedMasterSecret?: boolean
    handshakeLimitMs?: number
  }>
) {
  const pass: Way = datagram => [datagram]
  const events: string[] = []
  const outcome = Promise.withResolvers<Outcome>()
  const transport = {
    type: 'udp',
    address: {},
    closed: false,
    onData: (_data: Buffer) => {},
    close: async () => {},
    send: async (datagram: Buffer) => {
      for (const one of (options.toServer ?? pass)(Buffer.from(datagram))) {
        try {
          server.receive(one)
        } catch (err) {
          thrown.push(err)
        }
      }
    }
  }
  const server = new DtlsServer({
    certificate,
    peerFingerprints: [{ algorithm: 'sha-256', value: options.announced }],
    srtpProfiles: SRTP_PROFILES,
    ...(options.handshakeLimitMs === undefined ? {} : { handshakeLimitMs: options.handshakeLimitMs }),
    send: datagram => {
      for (const one of (options.toClient ?? pass)(Buffer.from(datagram))) setImmediate(() => transport.onData(one))
    },
    onConnected: (_profile, keys) => {
      events.push('connected')
      outcome.resolve({ kind: 'connected', serverKey: keys.serverKey })
    },
    onFailed: reason => {
      events.push('failed')
      outcome.resolve({ kind: 'failed', reason })
    },
    onClosed: () => events.push('closed')
  })
  const client = new DtlsClient({
    transport: transport as never,
    cert: options.shown.certPem,
    key: options.signWith ?? options.shown.keyPem,
    signatureHash: ecdsa,
    srtpProfiles: [7, 1],
    extendedMasterSecret: options.extendedMasterSecret ?? true,
    certificateRequest: true
  })
  client.onError.subscribe(() => {})
  const clientConnected = new Promise<void>(resolve => client.onConnect.subscribe(() => resolve()))
  client.connect().catch(() => {})
  const end = () => {
    server.close()
    endTimers(client)
  }
  t.teardown(end)
  return { end, client, server, events, outcome: outcome.promise, clientConnected }
}

const identity = await newIdentity()
const other = await newIdentity()

t.test('the certificate is one that others can read, and its fingerprint fits', async t => {
  const read = new X509Certificate(certificate.der)
  t.ok(read.verify(read.publicKey), 'it is signed with its own key')
  t.equal(read.fingerprint256, certificate.fingerprints.find(one => one.algorithm === 'sha-256')?.value)
  t.equal(read.fingerprint512, fingerprint(certificate.der, 'sha-512'))
  t.ok(read.validToDate > new Date(Date.now() + 300 * 86_400_000))
})

t.test('a browser that owns its certificate gets in, and both have the same keys', async t => {
  const { client, outcome, clientConnected } = join(t, { shown: identity, announced: identity.fingerprint })
  const result = await outcome
  await clientConnected
  t.match(result, { kind: 'connected' })
  t.same(result.kind === 'connected' && result.serverKey, client.extractSessionKeys(16, 12).remoteKey)
  t.equal(client.srtp.srtpProfile, 7)
})

t.test('another certificate than the announced one is refused', async t => {
  const { outcome } = join(t, { shown: identity, announced: other.fingerprint })
  t.match(await outcome, { kind: 'failed', reason: /not the one that was announced/ })
})

t.test('a certificate without its key is refused', async t => {
  // The forger shows the victim's certificate, whose fingerprint is right, and signs with a key of its own.
  const { outcome } = join(t, { shown: identity, announced: identity.fingerprint, signWith: other.keyPem })
  t.match(await outcome, { kind: 'failed', reason: /does not own its certificate/ })
})

t.test('a wrong Finished is refused', async t => {
  const joined = join(t, { shown: identity, announced: identity.fingerprint })
  joined.client.cipher.verifyData = () => Buffer.alloc(12)
  t.match(await joined.outcome, { kind: 'failed', reason: /another handshake/ })
})

t.test('a client without extended master secret is refused', async t => {
  const { outcome } = join(t, { shown: identity, announced: identity.fingerprint, extendedMasterSecret: false })
  t.match(await outcome, { kind: 'failed', reason: /extended master secret/ })
})

t.test('an RSA certificate serves as well', async t => {
  const rsa = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.rsa_1 }
  const { certPem } = await CipherContext.createSelfSignedCertificateWithKey(rsa)
  t.equal(new X509Certificate(certPem).publicKey.asymmetricKeyType, 'rsa')
  const ours = await CipherContext.createSelfSignedCertificateWithKey(rsa, NamedCurveAlgorithm.secp256r1_23)
  const hash = new X509Certificate(ours.certPem).fingerprint256
  const connected = Promise.withResolvers<void>()
  const transport = {
    type: 'udp',
    closed: false,
    onData: (_data: Buffer) => {},
    close: async () => {},
    send: async (datagram: Buffer) => server.receive(Buffer.from(datagram))
  }
  const server = new DtlsServer({
    certificate,
    peerFingerprints: [{ algorithm: 'sha-256', value: hash }],
    srtpProfiles: SRTP_PROFILES,
    send: datagram => setImmediate(() => transport.onData(Buffer.from(datagram))),
    onConnected: () => connected.resolve(),
    onFailed: reason => connected.reject(new Error(reason)),
    onClosed: () => {}
  })
  const client = new DtlsClient({
    transport: transport as never,
    cert: ours.certPem,
    key: ours.keyPem,
    signatureHash: rsa,
    srtpProfiles: [1],
    extendedMasterSecret: true,
    certificateRequest: true
  })
  t.teardown(() => {
    server.close()
    endTimers(client)
  })
  client.onError.subscribe(() => {})
  client.connect().catch(() => {})
  await connected.promise
})

t.test('messages in pieces over several datagrams, backwards and twice, are put together', async t => {
  const toServer: Way = datagram => {
    const pieces = parseRecords(datagram).flatMap(record => {
      const isClear = record.type === 22 && record.epoch === 0
      return isClear ? split(record.fragment, record.sequence) : [wholeRecord(datagram, record)]
    })
    return [...pieces.reverse(), ...pieces.slice(0, 3)]
  }
  const { outcome } = join(t, { shown: identity, announced: identity.fingerprint, toServer })
  t.match(await outcome, { kind: 'connected' })
})

t.test('what is lost is sent again', async t => {
  let toServerCount = 0
  let toClientCount = 0
  const { outcome, clientConnected } = join(t, {
    shown: identity,
    announced: identity.fingerprint,
    // The first of each flight goes missing.
    toServer: datagram => ([0, 2].includes(toServerCount++) ? [] : [datagram]),
    toClient: datagram => ([0, 2].includes(toClientCount++) ? [] : [datagram])
  })
  t.match(await outcome, { kind: 'connected' })
  await clientConnected
})

t.test('garbage and strangers harm neither handshake nor connection', async t => {
  const garbage = (datagram: Buffer): readonly Buffer[] => [
    Buffer.alloc(0),
    Buffer.from([22]),
    Buffer.from('16fefd', 'hex'),
    Buffer.from('16fefd0000000000000000ffff00', 'hex'),
    Buffer.from('63fefd000000000000000000040102030405', 'hex'),
    // A fatal alert in clear, which anybody can send.
    Buffer.from('15fefd000000000000ffff00020228', 'hex'),
    datagram.subarray(0, datagram.length >> 1),
    ...Array.from({ length: 20 }, (_, seed) =>
      Buffer.from(datagram.map((byte, at) => (at > 12 ? byte ^ (seed * at) : byte)))
    ).filter(
      // Records that say they are handshake messages must not be tried here: those end the handshake, as they should.
      one => (one[0] ?? 0) > 22
    ),
    datagram
  ]
  const { outcome, events, server, client, clientConnected } = join(t, {
    shown: identity,
    announced: identity.fingerprint,
    toServer: garbage
  })
  t.match(await outcome, { kind: 'connected' })
  await clientConnected
  const hello = Buffer.from(`16fefd000000000000000000${'0c'}010000000000000000000000`, 'hex')
  server.receive(hello)
  for (const one of garbage(Buffer.from('17fefd0001000000000001001000112233445566778899aabbccddeeff', 'hex')))
    server.receive(one)
  t.same(events, ['connected'], 'a hello in clear does not reset it')
  const alert = client.cipher.encryptPacket({
    recordLayerHeader: {
      contentType: 21,
      protocolVersion: { major: 254, minor: 253 },
      epoch: 1,
      sequenceNumber: 77,
      contentLen: 2
    },
    fragment: Buffer.from([1, 0])
  } as never)
  server.receive(record(21, 1, 77, alert.fragment))
  t.same(events, ['connected', 'closed'], 'the peer’s own goodbye does')
})

t.test('no changed byte of a handshake brings the server down', async t => {
  const reasons = new Set<string>()
  for (let round = 0; round < 150; round++) {
    let datagrams = 0
    const spoil: Way = datagram => {
      // Every datagram of the handshake in turn, at places all over it.
      if (datagrams++ === round % 3) datagram[(round * 7919) % datagram.length]! ^= 1 << (round % 8)
      return [datagram]
    }
    const joined = join(t, {
      shown: identity,
      announced: identity.fingerprint,
      toServer: spoil,
      handshakeLimitMs: 60
    })
    const outcome = await Promise.race([joined.outcome, later(40, undefined)])
    reasons.add(outcome?.kind === 'failed' ? outcome.reason : (outcome?.kind ?? 'waits for a repetition'))
    joined.end()
  }
  t.comment([...reasons].join('; '))
  t.ok(reasons.size >= 5, 'many kinds of mistakes were made')
})

t.test('a handshake that does not end is given up', async t => {
  let sent = 0
  const { outcome } = join(t, {
    shown: identity,
    announced: identity.fingerprint,
    handshakeLimitMs: 1_500,
    toClient: () => {
      sent++
      return []
    }
  })
  t.match(await outcome, { kind: 'failed', reason: /too long/ })
  t.ok(sent >= 4, `${sent}: its flight at once, after 400 and after 1,200 ms, and an alert`)
})

t.test('the server has thrown in none of these', async t => t.same(thrown, []))

t.test('a peer cannot fill memory with messages that never end', async t => {
  const reassembler = new Reassembler()
  const fragment = (sequence: number, length: number) => {
    const out = Buffer.alloc(13)
    out[0] = 1
    out.writeUIntBE(length, 1, 3)
    out.writeUInt16BE(sequence, 4)
    out.writeUIntBE(0, 6, 3)
    out.writeUIntBE(1, 9, 3)
    return out
  }
  for (let sequence = 1; sequence < 1_000; sequence++) reassembler.push(fragment(sequence, 0xff_ffff))
  for (let sequence = 1; sequence < 1_000; sequence++) reassembler.push(fragment(sequence, 8_000))
  t.equal(reassembler.pendingBytes, 5 * 8_012, 'five messages ahead of the next one are kept')
  t.equal(reassembler.shift(), undefined)
})

/** Cuts each message of a clear handshake record into fragments of 50 bytes, each in a datagram of its own. */
function split(fragment: Buffer, sequence: number): readonly Buffer[] {
  const pieces: Buffer[] = []
  const length = fragment.readUIntBE(1, 3)
  for (let offset = 0; offset < length; offset += 50) {
    const body = fragment.subarray(12 + offset, 12 + Math.min(length, offset + 50))
    const header = Buffer.from(fragment.subarray(0, 12))
    header.writeUIntBE(offset, 6, 3)
    header.writeUIntBE(body.length, 9, 3)
    pieces.push(record(22, 0, sequence * 100 + pieces.length, Buffer.concat([header, body])))
  }
  return pieces
}

function wholeRecord(_datagram: Buffer, one: ReturnType<typeof parseRecords>[number]): Buffer {
  return record(one.type, one.epoch, one.sequence, one.fragment)
}

function record(type: number, epoch: number, sequence: number, fragment: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header[0] = type
  header.writeUInt16BE(0xfefd, 1)
  header.writeUInt16BE(epoch, 3)
  header.writeUIntBE(sequence, 5, 6)
  header.writeUInt16BE(fragment.length, 11)
  return Buffer.concat([header, fragment])
}
