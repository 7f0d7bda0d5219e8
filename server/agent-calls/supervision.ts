import { AppError } from '../errors.ts'
import type { DeskPhone, PhoneLink } from '../softphone/desk-phone.ts'
import { SoftphoneLeg } from '../softphone/softphone-leg.ts'
import { Softphone } from '../softphone/softphone.ts'
import type { Logger } from '../log.ts'
import type { Conversation } from './conversation.ts'

export type SuperviseMode = 'listen' | 'whisper' | 'barge'

/** Stops what was begun; never throws, because what has gone meanwhile is stopped as well. */
type Stop = () => Promise<void>

/** The way between a supervisor's softphone and an agent's, wherever their pages are. */
interface Wire extends AsyncDisposable {
  /** Lets the supervisor hear both sides of the agent's leg. */
  listen(): Promise<Stop>
  /** Lets the agent hear the supervisor. */
  whisper(): Promise<Stop>
}

export type SupervisionParts = Readonly<{
  supervisor: DeskPhone
  /** The phone of the agent at this moment: the page may move to another control plane. */
  agent(): DeskPhone
  agentId: string
  agentName: string
  conversation: Conversation
  /** How long the supervisor's page may be away. */
  graceMs: number
  /** Told when it stays away for longer. */
  gone(): void
  log: Logger
}>

/**
 * One supervisor with one agent's call. Listening and whispering happen in SFUs alone: the supervisor's softphone hears
 * what the agent's microphone and the agent's leg say, and the agent hears the whisper; nothing of it ever reaches the
 * media server, so the customer cannot hear it. Joining makes the supervisor a party of the conversation.
 */
export class Supervision implements AsyncDisposable {
  readonly since = new Date()
  readonly #parts: SupervisionParts
  #wire: Wire | undefined
  #stopListening: Stop | undefined
  #stopWhispering: Stop | undefined
  #mode: SuperviseMode = 'listen'
  #isCardEntry = false
  #isOver = false
  #forget: () => void = () => {}
  readonly #forgetSupervisor: () => void
  #goneTimer: NodeJS.Timeout | undefined
  // What is asked for at the same time is done one after the other.
  #running: Promise<void> = Promise.resolve()

  constructor(parts: SupervisionParts) {
    this.#parts = parts
    this.#watchAgent()
    this.#forgetSupervisor = parts.supervisor.onPresence(isPresent => this.#supervisorPresent(isPresent))
    // The agent's page may have moved, or its SFU have died: the way to it is another one then.
    parts.conversation.onLegAgain(agentId => {
      if (agentId !== parts.agentId) return
      this.#watchAgent()
      this.#again()
    })
  }

  get callId(): string {
    return this.#parts.conversation.call.id
  }

  get agentId(): string {
    return this.#parts.agentId
  }

  get agentName(): string {
    return this.#parts.agentName
  }

  get mode(): SuperviseMode {
    return this.#mode
  }

  get conversation(): Conversation {
    return this.#parts.conversation
  }

  /** Begins to hear both sides; sends nothing. */
  async listen(): Promise<void> {
    await this.#become('listen')
  }

  /** Lets the agent, and nobody else, hear the supervisor. */
  async whisper(): Promise<void> {
    await this.#become('whisper')
  }

  /** The supervisor becomes a party: what is heard now comes by the party's own leg. */
  async joined(): Promise<void> {
    await this.#become('barge')
  }

  /** While the number of a card is given, whoever listens in hears nothing. */
  async hideCard(isCardEntry: boolean): Promise<void> {
    if (this.#isCardEntry === isCardEntry) return
    this.#isCardEntry = isCardEntry
    await this.#inTurn(() => this.#arrange())
  }

  /** Who hears whom, for the screen; the same facts that the audio was arranged by. */
  hears(): readonly Readonly<{ from: string; to: string; isHeard: boolean }>[] {
    const isJoined = this.#mode === 'barge'
    return [
      { from: 'supervisor', to: 'agent', isHeard: this.#mode !== 'listen' },
      { from: 'supervisor', to: 'customer', isHeard: isJoined },
      { from: 'customer', to: 'agent', isHeard: this.#parts.conversation.mode !== 'onHold' }
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#forget()
    this.#forgetSupervisor()
    clearTimeout(this.#goneTimer)
    await this.#inTurn(() => this.#unwire())
    if (this.#mode === 'barge') await this.#parts.conversation.unbarge(this.#parts.supervisor.agentId)
  }

  async #become(mode: SuperviseMode): Promise<void> {
    const before = this.#mode
    this.#mode = mode
    try {
      await this.#inTurn(() => this.#arrange())
    } catch (err) {
      this.#mode = before
      throw err
    }
  }

  /** A page that is loaded anew has another microphone. */
  #watchAgent(): void {
    this.#forget()
    this.#forget = this.#parts.agent().onPresence(isPresent => {
      if (isPresent) this.#again()
    })
  }

  #supervisorPresent(isPresent: boolean): void {
    clearTimeout(this.#goneTimer)
    if (!isPresent) this.#goneTimer = setTimeout(() => this.#parts.gone(), this.#parts.graceMs)
    // What is whispered comes from another microphone now.
    else if (this.#mode === 'whisper') this.#again()
  }

  /** Begins anew on a way of its own. */
  #again(): void {
    this.#inTurn(async () => {
      await this.#unwire()
      await this.#arrange()
    }).catch(err => this.#parts.log.warn({ err, callId: this.callId }, 'a supervisor could not be put through again'))
  }

  async #arrange(): Promise<void> {
    // One who has joined is a party of the call and was let in by it.
    if (this.#isOver || this.#mode === 'barge') return await this.#unwire()
    if (this.#isCardEntry) {
      await this.#stopListening?.()
      this.#stopListening = undefined
    }
    if (this.#mode !== 'whisper') {
      await this.#stopWhispering?.()
      this.#stopWhispering = undefined
    }
    this.#wire ??= await this.#connect()
    if (!this.#isCardEntry) this.#stopListening ??= await this.#wire.listen()
    if (this.#mode === 'whisper') this.#stopWhispering ??= await this.#wire.whisper()
  }

  async #unwire(): Promise<void> {
    const wire = this.#wire
    await this.#stopWhispering?.()
    await this.#stopListening?.()
    this.#wire = this.#stopListening = this.#stopWhispering = undefined
    await wire?.[Symbol.asyncDispose]()
  }

  async #connect(): Promise<Wire> {
    const { supervisor, conversation, agentId, log } = this.#parts
    const agent = this.#parts.agent()
    const leg = conversation.partyOf(agentId)?.leg?.softphoneLeg
    if (leg == null)
      throw new AppError('CONFLICT', 'The agent uses a desk phone; only calls in a browser can be listened to.')
    if (supervisor instanceof Softphone && agent instanceof Softphone && leg instanceof SoftphoneLeg)
      return ownWire(supervisor, agent, leg)
    return await linkedWire(await agent.createLink(leg), () => supervisor.createLink(null), log)
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#running.then(task)
    // Whoever asked for it is told.
    this.#running = done.catch(() => {})
    return done
  }
}

/** Both pages and the call are here: one SFU has everything. */
function ownWire(supervisor: Softphone, agent: Softphone, leg: SoftphoneLeg): Wire {
  return {
    async listen() {
      const sources = [leg.source, agent.microphone].filter(source => source !== null)
      const hearings = await Promise.all(sources.map(source => supervisor.hear(source, 'supervised', { isOpen: true })))
      return async () => {
        for (const hearing of hearings) hearing[Symbol.dispose]()
      }
    },
    async whisper() {
      const { microphone } = supervisor
      if (microphone === null) throw new AppError('CONFLICT', 'Your microphone is not connected.')
      const hearing = await agent.hear(microphone, 'supervisor', { isOpen: true })
      return async () => hearing[Symbol.dispose]()
    },
    async [Symbol.asyncDispose]() {}
  }
}

/** The SFUs of two control planes, or of one that is not the call's, send each other what is to be heard. */
async function linkedWire(agent: PhoneLink, open: () => Promise<PhoneLink>, log: Logger): Promise<Wire> {
  await using stack = new AsyncDisposableStack()
  stack.use(agent)
  const supervisor = stack.use(await open())
  await Promise.all([agent.connect(supervisor.address), supervisor.connect(agent.address)])
  const ends = stack.move()
  const carry = async (
    from: PhoneLink,
    voice: 'leg' | 'microphone',
    to: PhoneLink,
    role: 'supervised' | 'supervisor'
  ) => {
    const stream = await from.send(voice)
    const unhear = await to.hear(stream, role)
    return async () => {
      const outcomes = await Promise.allSettled([unhear(), from.stop(stream)])
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') log.debug({ err: outcome.reason }, 'a voice had gone before it was stopped')
    }
  }
  return {
    async listen() {
      const stops = await Promise.all([
        carry(agent, 'leg', supervisor, 'supervised'),
        carry(agent, 'microphone', supervisor, 'supervised')
      ])
      return async () => {
        await Promise.all(stops.map(stop => stop()))
      }
    },
    whisper: () => carry(supervisor, 'microphone', agent, 'supervisor'),
    [Symbol.asyncDispose]: () => ends.disposeAsync()
  }
}
