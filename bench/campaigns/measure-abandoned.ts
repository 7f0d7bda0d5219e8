import { pino } from 'pino'
import { levelDbov } from '../../media/audio/speech-energy.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { CampaignWorld } from '../../test/campaigns/support.ts'
import { TestParley } from '../../test/support/parley.ts'
import { startRtpPeer } from '../../test/support/rtp-peer.ts'
import { startSipPhone } from '../../test/support/sip-phone.ts'
import { TestSoftphone } from '../../test/support/softphone.ts'

const FRAME = 160
const FRAME_MS = 20
/** From this level on a frame is heard. */
const HEARD_DBOV = -45

/**
 * For each of so many persons whom no agent takes: milliseconds from the end of the last frame of their greeting on the wire
 * to the first frame of the message that is no silence, both as the person's phone sends and hears them.
 */
export async function measureAbandoned(persons: number): Promise<readonly number[]> {
  await using speech = createEspeak(pino({ level: 'silent' }))
  const hello = await speech.synthesize('Hello?', 'en', AbortSignal.timeout(30_000))
  await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
  await using server = await TestParley.start({ hasDemoData: true })
  const world = await CampaignWorld.open(server, carrier)
  const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
  const waits: number[] = []
  for (let index = 0; index < persons; index += 1) {
    const list = await world.list([['Person', `+120255502${String(index).padStart(2, '0')}`]])
    const agent = await TestSoftphone.onShift(server, world.agents.ana.token)
    const id = await world.start('predictive', {
      lists: [list],
      queue: queue.body['id'] as string,
      amd: { isOn: true, onMachine: 'hangUp' },
      purpose: 'service'
    })
    const incoming = await carrier.nextInvite(20_000)
    await agent[Symbol.asyncDispose]()
    waits.push(await waitOf(incoming, hello))
    await incoming.waitForBye(30_000)
    await world.until(id, ([one]) => one?.outcome === 'abandoned')
  }
  return waits
}

async function waitOf(
  incoming: Readonly<{ sdp: string; answer(sdp: string): Promise<unknown> }>,
  hello: Int16Array
): Promise<number> {
  await using person = await startRtpPeer()
  person.connect(incoming.sdp)
  let at = 0
  let spokeAtMs = Number.NaN
  person.sendFrames(() => {
    const frame = new Int16Array(FRAME)
    frame.set(hello.subarray(at, at + FRAME))
    at += FRAME
    // What a person hears of themselves last, not the silence that the synthesiser adds.
    if (levelDbov(frame) > HEARD_DBOV) spokeAtMs = performance.now() + FRAME_MS
    return frame
  })
  const heard = Promise.withResolvers<number>()
  person.onFrame = pcm => {
    if (at >= hello.length && levelDbov(pcm) > HEARD_DBOV) heard.resolve(performance.now())
  }
  await incoming.answer(person.sdp())
  return (await heard.promise) - spokeAtMs
}
