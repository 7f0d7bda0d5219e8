import { pino } from 'pino'
import t from 'tap'
import type { HoldLeg } from '../../../server/telephony/hold-leg.ts'
import { connectSipServer, type SipServer } from '../../../server/telephony/sip-server.ts'
import { startSipPhone } from '../../support/sip-phone.ts'
import { SECRET, sdp, STEADY, startBench } from '../../media/embedded/drachtio/harness.ts'

/** A control plane's connection, and what it says that it holds at the SIP server. */
async function connect(
  stack: AsyncDisposableStack,
  port: number
): Promise<{ sip: SipServer; held: () => readonly string[] }> {
  const held = new Map<symbol, string>()
  const hold: HoldLeg = (kind, engineId) => {
    const key = Symbol(kind)
    held.set(key, `${kind} ${engineId}`)
    return () => held.delete(key)
  }
  const handlers = { invite: () => {}, register: () => {}, state: () => {} }
  const sip = connectSipServer({ host: '127.0.0.1', port, secret: SECRET }, handlers, pino({ level: 'silent' }), hold)
  stack.use(sip)
  await sip.ready(AbortSignal.timeout(10_000))
  return { sip, held: () => [...held.values()] }
}

const idOf = (held: readonly string[], kind: 'invite' | 'dialog') =>
  held.find(name => name.startsWith(`${kind} `))?.slice(kind.length + 1) ?? ''

t.test('what one control plane has begun, another one ends', async t => {
  await using stack = new AsyncDisposableStack()
  const bench = stack.use(await startBench({ timers: STEADY }))
  const phone = stack.use(await startSipPhone({ transport: 'udp' }))
  const one = await connect(stack, bench.adminPort)
  const other = await connect(stack, bench.adminPort)
  const { signal } = new AbortController()
  const call = () => {
    const ringing = Promise.withResolvers<void>()
    const onRinging = () => ringing.resolve()
    const placed = one.sip.placeCall({
      uri: phone.uri,
      sdp: sdp(4000),
      callerNumber: '+12025550123',
      onRinging,
      signal
    })
    return { placed, ringing: ringing.promise }
  }

  await t.test('a phone that rings', async t => {
    const { placed, ringing } = call()
    const incoming = await phone.nextInvite()
    incoming.ring()
    await ringing
    t.ok(await other.sip.cancelInvite(idOf(one.held(), 'invite')))
    await incoming.waitForCancel()
    t.match(await placed, { kind: 'refused', status: 487 })
    t.same(one.held(), [], 'nobody need end it any more')
  })

  await t.test('a phone that has been answered', async t => {
    const { placed, ringing } = call()
    const incoming = await phone.nextInvite()
    incoming.ring()
    await ringing
    const [invite, dialog] = [idOf(one.held(), 'invite'), idOf(one.held(), 'dialog')]
    await incoming.answer(sdp(5000))
    t.match(await placed, { kind: 'answered' })
    t.same(one.held(), [`dialog ${dialog}`])
    t.notOk(await other.sip.cancelInvite(invite), 'there is nothing to cancel')
    t.ok(await other.sip.endDialog(dialog))
    await incoming.waitForBye()
  })

  await t.test('nothing of what nobody knows', async t => {
    t.notOk(await other.sip.cancelInvite('00000000-0000-4000-8000-000000000000'))
  })
})
