import t from 'tap'
import { noticeOf } from '../../server/campaigns/notice.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { type Attempt, CampaignWorld } from './support.ts'

/** In the District of Columbia one party's leave is enough; Pennsylvania wants everybody told before. */
const RECORDED = '+12025550191'
const NOT_ASKED = '+12155550192'
const TOO_SHORT = '+12025550193'
const BUSY = '+12025550194'

type Notice = Readonly<{ by: string | null; atMs: number; recordingId: string | null; problem: string | null }>
type Audited = Attempt & Readonly<{ notice: Notice | null }>

for (const database of oneDatabase())
  t.test(
    `an auditor hears what each person was told, or reads why not, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
      const hungUp = Promise.withResolvers<void>()
      await using server = await TestParley.start({
        database,
        hasDemoData: true,
        campaignStep: async (step, { number }) => {
          if (step === 'answered' && number === TOO_SHORT) await hungUp.promise
        }
      })
      const world = await CampaignWorld.open(server, carrier)
      const list = await world.list([
        ['Recorded', RECORDED],
        ['Not asked', NOT_ASKED],
        ['Too short', TOO_SHORT],
        ['Busy', BUSY]
      ])
      const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message', recordsNotices: true })
      const answering = Array.from({ length: 4 }, async () => {
        const incoming = await carrier.nextInvite()
        const number = /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
        if (number === BUSY) {
          incoming.reject(486, 'Busy Here')
          return
        }
        await using ear = await startRtpPeer()
        ear.connect(incoming.sdp).sendSilence()
        await incoming.answer(ear.sdp())
        if (number === TOO_SHORT) {
          await incoming.bye()
          hungUp.resolve()
        } else await incoming.waitForBye(60_000)
      })
      await Promise.all(answering)
      const all = (await world.until(
        id,
        found => found.length === 4 && (of(found, 'Recorded')?.notice?.recordingId ?? null) !== null,
        30_000
      )) as readonly Audited[]

      const recorded = of(all, 'Recorded')
      t.match(recorded?.notice, { by: 'announcement', atMs: Number, recordingId: String, problem: null })
      t.match(of(all, 'Not asked')?.notice, { by: 'announcement', recordingId: null, problem: 'notAsked' })
      t.match(of(all, 'Too short')?.notice, { by: null, atMs: null, recordingId: null, problem: 'notSaid' })
      t.equal(of(all, 'Busy')?.notice, null, 'nobody answered')
      for (const one of all) t.type(one.decisionId, 'string', `${one.contactName} has a decision`)

      const { atMs = 0, recordingId = '' } = recorded?.notice ?? {}
      const peaks = (await server.api('GET', `/recordings/${recordingId}/peaks`)).body as {
        pointsPerSecond: number
        right: number[]
      }
      const from = Math.floor((atMs / 1_000) * peaks.pointsPerSecond)
      const loudest = Math.max(...peaks.right.slice(from, from + 2 * peaks.pointsPerSecond))
      t.ok(loudest > 20, `at ${atMs} ms the words are heard (${loudest} of 255)`)

      const csv = await exported(server, world, id)
      t.match(csv[0], /decisionId.*noticeBy,noticeAtMs,noticeRecordingId,noticeProblem/)
      t.match(
        csv.find(line => line.includes('Recorded')),
        new RegExp(`${recorded?.decisionId}.*,announcement,${atMs},${recordingId},\r?$`)
      )
      t.match(
        csv.find(line => line.includes('Not asked')),
        /,announcement,\d+,,notAsked\r?$/
      )
    }
  )

t.test('each reason why a statement cannot be heard is told apart', async t => {
  const answered = new Date('2026-11-24T17:00:00Z')
  const attempt = {
    id: 'a',
    state: 'over' as const,
    answered_at: answered,
    notice_ms: 500,
    notice_by: 'agent' as const
  }
  const recording = (change: object = {}) => ({
    id: 'r',
    state: 'stored' as const,
    duration_ms: 9_000,
    gaps: [],
    ...change
  })
  const kept = (recordings: ReturnType<typeof recording>[], consent?: 'granted' | 'refused' | 'withdrawn') => ({
    recordings: new Map([['a', recordings]]),
    consents: new Map(consent === undefined ? [] : [['a', consent] as const])
  })
  const gap = (kind: string) => recording({ gaps: [{ kind, fromMs: 0, toMs: 600 }] })
  const problem = (...facts: Parameters<typeof kept>) => noticeOf(attempt, kept(...facts))?.problem
  t.equal(problem([recording()], 'granted'), null)
  t.equal(problem([gap('beforeConsent')], 'granted'), 'beforeLeave')
  t.equal(problem([gap('pause')], 'granted'), 'paused')
  t.equal(problem([gap('lost')], 'granted'), 'missing')
  t.equal(problem([recording({ state: 'erased' })], 'granted'), 'erased')
  t.equal(problem([], 'refused'), 'refused')
  t.equal(problem([], 'withdrawn'), 'withdrawn')
  t.equal(problem([], 'granted'), 'missing')
  t.equal(problem([]), 'notAsked')
  t.match(noticeOf({ ...attempt, state: 'unknown' }, kept([recording()], 'granted')), {
    recordingId: 'r',
    problem: 'notKnown'
  })
  t.equal(noticeOf({ ...attempt, state: 'answered' }, kept([]))?.problem, 'underWay')
})

function of(all: readonly Attempt[], name: string): Audited | undefined {
  return (all as readonly Audited[]).find(one => one.contactName === name)
}

async function exported(server: TestParley, world: CampaignWorld, id: string): Promise<readonly string[]> {
  const response = await fetch(`${server.url}/api/v1/campaigns/${id}/attempts.csv`, {
    headers: { authorization: `Bearer ${world.author}` }
  })
  return (await response.text()).trimEnd().split('\n')
}
