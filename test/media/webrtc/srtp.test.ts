import t from 'tap'
import { SrtpSession, RtpHeader, SrtcpSession } from 'werift'
import { buildRtcpReport } from '../../../media/audio/rtcp.ts'
import { buildRtp } from '../../../media/audio/rtp.ts'
import { CounterModeSrtpCipher } from '../../../media/webrtc/embedded/srtp/counter-mode-cipher.ts'
import { GcmSrtpCipher } from '../../../media/webrtc/embedded/srtp/gcm-cipher.ts'
import { deriveSessionKeys } from '../../../media/webrtc/embedded/srtp/key-derivation.ts'
import { PacketIndex } from '../../../media/webrtc/embedded/srtp/packet-index.ts'
import { SRTP_PROFILES, type SrtpProfile } from '../../../media/webrtc/embedded/srtp/profiles.ts'
import { SrtpReceiver, SrtpSender } from '../../../media/webrtc/embedded/srtp/srtp-session.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')

t.test('session keys are those of RFC 3711 appendix B.3', async t => {
  const keys = deriveSessionKeys(hex('E1F97A0D3E018BE0D64FA32C06DE4139'), hex('0EC675AD498AFEEBB6960B3AABE6'), 'rtp')
  t.same(keys.key, hex('C61E7A93744F39EE10734AFE3FF7A087'))
  t.same(keys.salt, hex('30CBBC08863D8C85D49DB34A9AE1'))
  t.same(keys.auth, hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'))
})

t.test('the key stream is that of RFC 3711 appendix B.2', async t => {
  const keys = {
    key: hex('2B7E151628AED2A6ABF7158809CF4F3C'),
    salt: hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD'),
    auth: Buffer.alloc(20)
  }
  const cipher = new CounterModeSrtpCipher(keys, keys)
  // SSRC and index zero, payload zeros: what is sealed is the key stream itself.
  const sealed = cipher.sealRtp(Buffer.concat([hex('80000000 00000000 00000000'), Buffer.alloc(48)]), 12, 0)
  t.same(
    sealed.subarray(12, 60),
    hex('E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0')
  )
})

t.test('packets are sealed as in RFC 7714 sections 16.1 and 17.1', async t => {
  const keys = {
    key: hex('000102030405060708090a0b0c0d0e0f'),
    salt: hex('517569642070726f2071756f'),
    auth: Buffer.alloc(20)
  }
  const cipher = new GcmSrtpCipher(keys, keys)
  const rtp = hex(`8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
    69736120 696e2070 61727465 73207472 6573`)
  const sealedRtp = hex(`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
    51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`)
  t.same(cipher.sealRtp(rtp, 12, 0xf17b), sealedRtp)
  t.same(cipher.openRtp(sealedRtp, 12, 0xf17b), rtp.subarray(12))
  const rtcp = hex(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef`)
  const sealedRtcp = hex(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
    4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`)
  t.same(cipher.sealRtcp(rtcp, 0x5d4), sealedRtcp)
  t.same(cipher.openRtcp(sealedRtcp), { packet: rtcp, index: 0x5d4 })
})

function packet(sequenceNumber: number, ssrc = 0x1234_5678): Buffer {
  const payload = Buffer.from(`packet ${sequenceNumber}`)
  return buildRtp({
    payloadType: 0,
    marker: false,
    sequenceNumber: sequenceNumber & 0xffff,
    timestamp: 0,
    ssrc,
    payload
  })
}

function pair(profile: SrtpProfile) {
  const key = Buffer.alloc(profile.keyBytes, 7)
  const salt = Buffer.alloc(profile.saltBytes, 9)
  return { sender: new SrtpSender(profile, key, salt), receiver: new SrtpReceiver(profile, key, salt), key, salt }
}

for (const profile of SRTP_PROFILES) {
  t.test(`${profile.name}: another implementation reads what is sealed, and the other way round`, async t => {
    const { sender, receiver, key, salt } = pair(profile)
    const keys = { localMasterKey: key, localMasterSalt: salt, remoteMasterKey: key, remoteMasterSalt: salt }
    const other = new SrtpSession({ keys, profile: profile.id })
    t.same(other.decrypt(sender.protectRtp(packet(5), 12)!), packet(5))
    const header = new RtpHeader({ payloadType: 0, sequenceNumber: 9, timestamp: 0, ssrc: 0x1234_5678 })
    t.equal(receiver.unprotectRtp(other.encrypt(Buffer.from('hello'), header), 12)?.toString(), 'hello')
    const otherRtcp = new SrtcpSession({ keys, profile: profile.id })
    const report = buildRtcpReport({ ssrc: 5, cname: 'somebody' })
    t.same(otherRtcp.decrypt(sender.protectRtcp(report)!), report)
    t.same(receiver.unprotectRtcp(otherRtcp.encrypt(report)), report)
  })

  t.test(`${profile.name}: a packet is taken once, also long after`, async t => {
    const { sender, receiver } = pair(profile)
    const first = sender.protectRtp(packet(1), 12)!
    t.ok(receiver.unprotectRtp(first, 12))
    t.notOk(receiver.unprotectRtp(first, 12), 'at once')
    for (let sequence = 2; sequence < 400; sequence++)
      receiver.unprotectRtp(sender.protectRtp(packet(sequence), 12)!, 12)
    t.notOk(receiver.unprotectRtp(first, 12), 'after it has left the window')
    const report = sender.protectRtcp(buildRtcpReport({ ssrc: 5, cname: 'somebody' }))!
    t.ok(receiver.unprotectRtcp(report))
    t.notOk(receiver.unprotectRtcp(report), 'reports as well')
  })

  t.test(`${profile.name}: late packets are taken in any order`, async t => {
    const { sender, receiver } = pair(profile)
    // A listener that hears of a stream only after the wrap cannot know of it (RFC 3711 §3.3.1).
    t.ok(receiver.unprotectRtp(sender.protectRtp(packet(65_500), 12)!, 12))
    const sealed = Array.from({ length: 50 }, (_, index) => sender.protectRtp(packet(65_520 + index), 12)!)
    for (const one of sealed.reverse()) t.ok(receiver.unprotectRtp(one, 12))
  })

  t.test(`${profile.name}: the stream survives long losses across the wrap of its numbers`, async t => {
    const { sender, receiver } = pair(profile)
    for (const sequence of [65_000, 65_400, 65_900, 66_300, 90_000, 122_000, 131_000, 131_072, 163_000]) {
      const opened = receiver.unprotectRtp(sender.protectRtp(packet(sequence), 12)!, 12)
      t.equal(opened?.toString(), `packet ${sequence}`)
    }
  })

  t.test(`${profile.name}: changed, cut and foreign packets are refused and harm nothing`, async t => {
    const { sender, receiver } = pair(profile)
    const sealed = sender.protectRtp(packet(1), 12)!
    for (let place = 0; place < sealed.length; place++) {
      const changed = Buffer.from(sealed)
      changed[place] = changed[place]! ^ 0x10
      // Bytes that say how long the header is are looked at before.
      if (place > 0) t.notOk(receiver.unprotectRtp(changed, 12), `byte ${place}`)
    }
    for (let length = 12; length < sealed.length; length++)
      t.notOk(receiver.unprotectRtp(sealed.subarray(0, length), 12))
    const report = sender.protectRtcp(buildRtcpReport({ ssrc: 5, cname: 'somebody' }))!
    for (let length = 0; length < report.length; length++) t.notOk(receiver.unprotectRtcp(report.subarray(0, length)))
    t.ok(receiver.unprotectRtp(sealed, 12), 'the true one still comes through')
    t.ok(receiver.unprotectRtcp(report))
  })

  t.test(`${profile.name}: nothing is sealed twice under one number`, async t => {
    const { sender } = pair(profile)
    t.ok(sender.protectRtp(packet(1), 12))
    t.notOk(sender.protectRtp(packet(1), 12))
  })
}

t.test('the roll-over counter is guessed from the sequence number', async t => {
  const index = new PacketIndex()
  t.equal(index.guess(65_535), 65_535, 'the first packet is believed')
  index.accept(65_535)
  t.equal(index.guess(0), 65_536)
  index.accept(65_536)
  t.equal(index.guess(65_534), 65_534, 'late, from before the wrap')
  t.equal(index.guess(32_768), 65_536 + 32_768)
  t.notOk(new PacketIndex().isFresh(-1), 'from before the beginning')
})
