import { constants, setPriority } from 'node:os'
import { openSoftphoneMedia } from '../../media/webrtc/open-softphone-media.ts'
import type {
  AudioSource,
  OrtcDocument,
  PlainSide,
  SoftphoneConnection,
  Way
} from '../../media/webrtc/softphone-media.ts'

/** Runs one SFU and does what the bench asks over the process's channel: one connection and one leg for each agent. */

// The load goes before others, and a child inherits that; the SFU is to run like any other program.
setPriority(constants.priority.PRIORITY_NORMAL)
const { engine } = JSON.parse(process.argv[2] ?? '{}') as { engine: 'embedded' | 'mediasoup' }
const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const media = await openSoftphoneMedia({
  engine,
  listenAddress: '127.0.0.1',
  udpPort: 0,
  plainListenAddress: '127.0.0.1',
  plainPorts: [30_000, 30_999],
  log
})

type Agent = { connection: SoftphoneConnection; side: PlainSide; microphone?: AudioSource }
const agents: Agent[] = []

const methods: Readonly<Record<string, (...parameters: never[]) => Promise<unknown>>> = {
  async add() {
    const agent = { connection: await media.createConnection(), side: await media.createPlainSide() }
    agents.push(agent)
    return { index: agents.length - 1, offers: agent.connection.offers, offerSdp: agent.side.offerSdp }
  },
  connect: (index: number, way: Way, dtlsParameters: OrtcDocument) =>
    agentAt(index).connection.connect(way, dtlsParameters),
  async speak(index: number, rtpParameters: OrtcDocument) {
    const agent = agentAt(index)
    agent.microphone = await agent.connection.speak(rtpParameters)
  },
  async answer(index: number, answerSdp: string, ssrc: number) {
    const { connection, side, microphone = null } = agentAt(index)
    await side.connect(answerSdp, ssrc)
    await side.send(microphone)
    const hearing = await connection.hear(side.source, media.rtpCapabilities)
    await hearing.resume()
    return hearing.offer.rtpParameters
  },
  usage: () => media.usage()
}

function agentAt(index: number): Agent {
  const agent = agents[index]
  if (agent === undefined) throw new RangeError(`there is no agent ${index}`)
  return agent
}

process.on('message', async (call: { id: number; method: string; parameters: never[] }) => {
  if (call.method === 'stop') {
    await media[Symbol.asyncDispose]()
    process.exit(0)
  }
  const method = methods[call.method]
  if (method === undefined) throw new Error(`no method ${call.method}`)
  process.send?.({ id: call.id, result: await method(...call.parameters) })
})
// Whoever measured has died: nobody else would end this process.
process.on('disconnect', () => process.exit(1))
process.send?.({ id: 0, result: 'ready' })
