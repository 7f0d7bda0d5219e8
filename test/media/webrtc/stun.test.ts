import t from 'tap'
import { Message, methods, classes, parseMessage } from 'werift'
import {
  buildBindingError,
  buildBindingRequest,
  buildBindingSuccess,
  parseStun
} from '../../../media/webrtc/embedded/stun.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')
const PASSWORD = 'VOkJxbRl1RmTxUk/WvJxBt'

/** RFC 5769 section 2.1. */
const REQUEST = hex(`00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56
  781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`)

/** RFC 5769 section 2.2. */
const RESPONSE = hex(`0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008
  0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`)

t.test('the sample messages of RFC 5769 are understood', async t => {
  const request = parseStun(REQUEST)
  t.equal(request?.username, 'evtj:h6vY')
  t.ok(request?.isSignedWith(PASSWORD))
  t.notOk(request?.isSignedWith('another'))
  t.equal(request?.saysControlled, true)
  t.equal(request?.isNomination, false)
  t.ok(parseStun(RESPONSE)?.isSignedWith(PASSWORD))
})

t.test('addresses are written as in RFC 5769 sections 2.2 and 2.3', async t => {
  const request = parseStun(REQUEST)!
  const four = buildBindingSuccess(request, PASSWORD, '192.0.2.1', 32_853)
  t.ok(four.includes(hex('00200008 0001a147 e112a643')))
  const six = buildBindingSuccess(request, PASSWORD, '2001:db8:1234:5678:11:2233:4455:6677', 32_853)
  t.ok(six.includes(hex('00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9')))
  for (const address of ['::1', '::ffff:192.0.2.1', 'fe80::1%eth0', '1::', '::']) {
    t.ok(parseStun(buildBindingSuccess(request, PASSWORD, address, 1))?.isSignedWith(PASSWORD), address)
  }
})

t.test('another implementation understands our answers, and we its checks', async t => {
  const check = new Message(methods.BINDING, classes.REQUEST)
  check.setAttribute('USERNAME', 'ours:theirs').setAttribute('USE-CANDIDATE', null)
  check.addMessageIntegrity(Buffer.from(PASSWORD)).addFingerprint()
  const parsed = parseStun(check.bytes)!
  t.ok(parsed.isSignedWith(PASSWORD))
  t.equal(parsed.isNomination, true)
  const answer = parseMessage(buildBindingSuccess(parsed, PASSWORD, '192.0.2.7', 4_321), Buffer.from(PASSWORD))
  t.same(answer?.getAttributeValue('XOR-MAPPED-ADDRESS'), ['192.0.2.7', 4_321])
  const refusal = parseMessage(buildBindingError(parsed, 487, 'Role Conflict', PASSWORD), Buffer.from(PASSWORD))
  t.same(refusal?.getAttributeValue('ERROR-CODE'), [487, 'Role Conflict'])
})

t.test('broken messages are no messages', async t => {
  for (let length = 0; length < REQUEST.length; length++) t.equal(parseStun(REQUEST.subarray(0, length)), undefined)
  for (let place = 0; place < REQUEST.length; place++) {
    const changed = Buffer.from(REQUEST)
    changed[place] = changed[place]! ^ 0x04
    t.notOk(parseStun(changed)?.isSignedWith(PASSWORD), `byte ${place}`)
  }
  const unsigned = buildBindingRequest({
    transactionId: Buffer.alloc(12),
    username: 'a:b',
    password: '',
    isNomination: false
  })
  t.notOk(parseStun(unsigned)?.isSignedWith(PASSWORD))
})
