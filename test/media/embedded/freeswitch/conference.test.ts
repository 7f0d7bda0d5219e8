import t from 'tap'
import { toneShare } from '../../../../media/audio/goertzel.ts'
import type { RtpPeer } from '../../../support/rtp-peer.ts'
import { type EslEvent, startRig, until } from './harness.ts'

const share = (peer: RtpPeer, hz: number) => toneShare(peer.captured(800), hz)

t.test('three members of a conference hear each other but not themselves', async t => {
  const rig = await startRig(t)
  const callers = [await rig.caller(), await rig.caller(), await rig.caller()]
  const tones = [440, 880, 1_300]
  for (const [index, caller] of callers.entries()) {
    caller.peer.sendTone(tones[index] as number, 4_000)
    const { memberId, confUuid } = await caller.endpoint.join('room')
    t.ok(memberId > 0)
    t.match(confUuid, /^[0-9a-f-]{36}$/)
  }
  for (const [index, { peer }] of callers.entries()) {
    for (const [other, hz] of tones.entries()) {
      if (other !== index) await until(() => share(peer, hz) > 0.3, `${index} hears ${hz} Hz`)
    }
    t.ok(share(peer, tones[index] as number) < 0.05, 'no echo of oneself')
  }
  t.equal(rig.fs.stats().conferences, 1)
  t.match(await rig.ms.api('conference room list count'), '3')
  const list = JSON.parse(await rig.ms.api('conference json_list')) as {
    members: { flags: { can_speak: boolean } }[]
  }[]
  t.equal(list[0]?.members.length, 3)
})

t.test('members are muted, made deaf and kicked', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  a.peer.sendTone(440)
  b.peer.sendTone(880)
  await a.endpoint.join('room')
  await b.endpoint.join('room')
  await b.peer.hears(440)
  await a.endpoint.confMute()
  await b.peer.hearsSilence()
  await a.endpoint.confUnmute()
  await b.peer.hears(440)
  await b.endpoint.confDeaf()
  await b.peer.hearsSilence()
  await b.endpoint.confUndeaf()
  await b.peer.hears(440)
  await b.endpoint.confPlay('tone_stream://%(500,0,1500)')
  await until(() => share(b.peer, 1_500) > 0.2, 'a member is played to')
  t.ok(share(a.peer, 1_500) < 0.05, 'and only that one')
  await b.endpoint.confKick()
  await a.peer.hearsSilence()
  const playing = b.endpoint.play('tone_stream://%(300,0,600)')
  await b.peer.hears(600)
  await playing
})

t.test('a conference plays to all, counts its members and ends with its control leg', async t => {
  const rig = await startRig(t)
  const conference = await rig.ms.createConference('town-hall', { maxMembers: 5 })
  const { peer, endpoint } = await rig.caller()
  const actions: string[] = []
  conference.on('startTalking', () => actions.push('start-talking'))
  conference.on('delMember', () => actions.push('del-member'))
  peer.sendTone(440)
  await endpoint.join(conference)
  t.equal(await conference.getSize(), 2)
  const playing = conference.play(['tone_stream://%(300,0,900)', 'tone_stream://%(200,0,900)'])
  await peer.hears(900)
  t.equal((await playing).milliseconds, 500)
  await until(() => actions.includes('start-talking'), 'talking is told')
  await t.rejects(rig.ms.createConference('town-hall'), 'the name is taken')
  await conference.destroy()
  await until(() => rig.fs.stats().conferences === 0, 'the conference has ended')
})

t.test('a relation lets a supervisor whisper', async t => {
  const rig = await startRig(t)
  const [customer, agent, coach] = [await rig.caller(), await rig.caller(), await rig.caller()]
  coach.peer.sendTone(1_300)
  agent.peer.sendTone(880)
  customer.peer.sendTone(440)
  const ids: number[] = []
  for (const { endpoint } of [customer, agent, coach]) ids.push((await endpoint.join('room')).memberId)
  t.match(await rig.ms.api(`conference room relate ${ids[2]} ${ids[0]} nospeak`), /^\+OK/)
  await until(() => share(agent.peer, 1_300) > 0.3, 'the agent hears the coach')
  await until(() => share(customer.peer, 1_300) < 0.05, 'the customer does not')
  await until(() => share(customer.peer, 880) > 0.5, 'the customer hears the agent')
})

t.test('a locked or full conference lets nobody in, and keys are told', async t => {
  const rig = await startRig(t)
  const a = await rig.caller()
  const b = await rig.caller()
  await a.endpoint.join('room')
  const keys: string[] = []
  a.endpoint.conn.on('esl::event::CUSTOM::*', (event: EslEvent) => {
    if (event.getHeader('Action') === 'dtmf') keys.push(event.getHeader('DTMF-Key') as string)
  })
  t.match(await rig.ms.api('conference room lock'), /\+OK room locked/)
  const refused = await b.endpoint.execute('conference', 'room')
  t.equal(refused.getHeader('Application'), 'conference', 'it ends at once')
  t.match(await rig.ms.api('conference nowhere list'), '-ERR Conference nowhere not found')
  a.peer.sendDigits('5', 60)
  await until(() => keys.includes('5'), 'the key is told')
})
