import { sql } from 'kysely'
import t from 'tap'
import type { CallStep } from '../../server/campaigns/campaign-call.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { CampaignWorld } from './support.ts'

/** Where a control plane dies, and the number that it is dialling then. */
const CRASHES: Readonly<Record<string, Exclude<CallStep, 'ended'>>> = {
  '+12025550161': 'reserved',
  '+12025550162': 'permitted',
  '+12025550163': 'dialling',
  '+12025550164': 'answered'
}

for (const database of testDatabases())
  t.test(`whenever a control plane dies, nobody is called twice, with ${database}`, { timeout: 110_000 }, async t => {
    await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
    let nowMs = Date.parse('2026-11-24T17:00:00Z')
    const comeBack = Promise.withResolvers<void>()
    const died = new Map<string, string>()
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      now: () => new Date(nowMs),
      // The control plane stands still at the step; when it comes back, others have taken it for dead long ago.
      campaignStep: async (step, lead) => {
        if (CRASHES[lead.number] !== step || died.has(lead.number)) return
        died.set(lead.number, lead.id)
        await comeBack.promise
      }
    })
    t.teardown(() => comeBack.resolve())
    const world = await CampaignWorld.open(server, carrier)
    const numbers = Object.keys(CRASHES)
    const list = await world.list(numbers.map(number => [`dies at ${CRASHES[number]}`, number] as const))
    const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message' })
    const calls = new Map<string, number>()
    await using ear = await startRtpPeer()
    let isOver = false
    const answering = (async () => {
      for (;;) {
        const incoming = await carrier.nextInvite(1_000).catch(() => null)
        if (incoming === null && isOver) return
        if (incoming === null) continue
        const number = /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
        calls.set(number, (calls.get(number) ?? 0) + 1)
        if (CRASHES[number] === 'answered') {
          ear.connect(incoming.sdp).sendSilence()
          await incoming.answer(ear.sdp())
        } else incoming.reject(486, 'Busy Here')
      }
    })()
    await until(() => died.size === numbers.length)

    // From here on the database says that its owner is somebody who is gone.
    await sql`update campaign_attempts set control_plane_id = 'dead' where id = any(${[...died.values()]}::text[])`.execute(
      server.parley.db
    )
    nowMs += 40_000
    const of = async (number: string) =>
      (await world.attempts(id)).filter(one => one.contactName === `dies at ${CRASHES[number]}`)
    await until(async () => (await world.attempts(id)).every(one => one.state === 'over' || one.state === 'unknown'))

    for (const number of numbers) {
      const [attempt] = await of(number)
      const isCertain = CRASHES[number] === 'reserved' || CRASHES[number] === 'permitted'
      t.match(
        attempt,
        isCertain ? { outcome: 'notDialled' } : { outcome: 'unknown', state: 'unknown' },
        `at ${CRASHES[number]}`
      )
    }
    t.equal(calls.get('+12025550163') ?? 0, 0, 'whether it rang nobody knows')

    nowMs += 3_600_000
    await until(async () => (await of('+12025550161')).some(one => one.outcome === 'busy'))
    await until(async () => (await of('+12025550162')).some(one => one.outcome === 'busy'))
    comeBack.resolve()
    const live = await world.untilWhy(id, 'ended', 20_000)
    t.match(live['leads'], { byState: { exhausted: 2, unknown: 2 } }, 'what is not known waits for a person')
    for (const number of numbers)
      t.ok((calls.get(number) ?? 0) <= 1, `${number} (${CRASHES[number]}) was called ${calls.get(number) ?? 0} times`)
    t.equal(calls.get('+12025550161'), 1, 'and what had certainly not been dialled is dialled once')
    t.equal(calls.get('+12025550162'), 1)

    const [unknown] = await of('+12025550164')
    const settle = `/campaigns/${id}/contacts/${unknown?.contactId}/settle`
    await world.call('POST', settle, { action: 'leave', reason: 'the person has called us' }, 204)
    await world.call('POST', settle, { action: 'leave', reason: 'again' }, 409)
    isOver = true
    await answering
  })

async function until(wanted: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  while (!(await wanted())) {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
