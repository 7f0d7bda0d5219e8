import { createHash } from 'node:crypto'
import t from 'tap'
import { DigestGuard, hashDigestPassword, parseDigestHeader } from '../../../server/telephony/digest.ts'
import { digitOfInfo } from '../../../server/telephony/sip-dialog.ts'
import { refusalOfOffer } from '../../../server/telephony/sdp.ts'

const secret = hashDigestPassword('1001', 'parley', 'pass word')
const find = async (username: string) => (username === '1001' ? secret : undefined)

function sign(
  challenge: string,
  options: { password?: string; nc?: string; username?: string; algorithm?: 'md5' | 'sha256' } = {}
): string {
  const parameters = parseDigestHeader(challenge)
  const nonce = parameters?.get('nonce') ?? ''
  const { password = 'pass word', nc = '00000001', username = '1001', algorithm = 'md5' } = options
  const h = (text: string) => createHash(algorithm).update(text).digest('hex')
  const response = h(`${h(`${username}:parley:${password}`)}:${nonce}:${nc}:abc:auth:${h('REGISTER:sip:parley')}`)
  const name = algorithm === 'md5' ? 'MD5' : 'SHA-256'
  return `Digest username="${username}", realm="parley", nonce="${nonce}", uri="sip:parley", response="${response}", algorithm=${name}, qop=auth, nc=${nc}, cnonce="abc"`
}

t.test('a phone that signs with the right password is known, by MD5 and by SHA-256', async t => {
  const guard = new DigestGuard('parley')
  const [sha, md5] = guard.challenges(false) as [string, string]
  t.match(await guard.check(sign(md5), 'REGISTER', find), { kind: 'ok', username: '1001' })
  t.match(await guard.check(sign(sha, { algorithm: 'sha256', nc: '00000002' }), 'REGISTER', find), { kind: 'ok' })
})

t.test('a wrong password and an unknown name look the same', async t => {
  const guard = new DigestGuard('parley')
  const [, md5] = guard.challenges(false) as [string, string]
  t.same(await guard.check(sign(md5, { password: 'x' }), 'REGISTER', find), { kind: 'wrong' })
  t.same(await guard.check(sign(md5, { username: '1002' }), 'REGISTER', find), { kind: 'wrong' })
})

t.test('a recorded signature does not work twice', async t => {
  const guard = new DigestGuard('parley')
  const [, md5] = guard.challenges(false) as [string, string]
  const signed = sign(md5)
  t.match(await guard.check(signed, 'REGISTER', find), { kind: 'ok' })
  t.match(await guard.check(signed, 'REGISTER', find), { kind: 'challenge', isStale: true })
  t.match(await guard.check(sign(md5, { nc: '00000002' }), 'REGISTER', find), { kind: 'ok' }, 'the next count works')
})

t.test('an old nonce is stale, and a nonce of somebody else is none', async t => {
  const guard = new DigestGuard('parley')
  const [, old] = guard.challenges(false, Date.now() - 120_000) as [string, string]
  t.match(await guard.check(sign(old), 'REGISTER', find), { kind: 'challenge', isStale: true })
  const [, foreign] = new DigestGuard('parley').challenges(false) as [string, string]
  t.match(await guard.check(sign(foreign), 'REGISTER', find), { kind: 'challenge', isStale: false })
  t.match(await guard.check(undefined, 'REGISTER', find), { kind: 'challenge' })
  t.match(await guard.check('Basic abc', 'REGISTER', find), { kind: 'challenge' })
})

t.test('keys that arrive by INFO are understood in both forms', async t => {
  t.equal(digitOfInfo('application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n'), '5')
  t.equal(digitOfInfo('application/dtmf-relay', 'Signal= 11\r\n'), '#')
  t.equal(digitOfInfo('application/dtmf-relay; x=y', 'Signal=*'), '*')
  t.equal(digitOfInfo('application/dtmf', '7'), '7')
  t.equal(digitOfInfo('application/dtmf', '77'), undefined)
  t.equal(digitOfInfo('text/plain', '7'), undefined)
})

t.test('an offer is judged before anything is reserved for it', async t => {
  const sdp = (media: string) => `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n${media}`
  t.equal(refusalOfOffer(sdp('m=audio 4000 RTP/AVP 0\r\n')), null)
  t.equal(refusalOfOffer(''), null, 'a late offer is fine')
  t.equal(refusalOfOffer(sdp('m=video 4000 RTP/AVP 96\r\n')), 'noAudio')
  t.equal(refusalOfOffer(sdp('m=audio 0 RTP/AVP 0\r\n')), 'noAudio')
  t.equal(refusalOfOffer(sdp('m=audio 4000 UDP 0\r\n')), 'noCommonCodec')
  t.equal(refusalOfOffer('hello'), 'sdpInvalid')
})
