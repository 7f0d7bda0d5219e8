import type { SoftphoneLeg } from '../softphone/softphone-leg.ts'
import type { Softphone } from '../softphone/softphone.ts'
import { AppError } from '../errors.ts'
import type { Conversation } from './conversation.ts'

export type SuperviseMode = 'listen' | 'whisper' | 'barge'

/**
 * One supervisor with one agent's call. Listening and whispering happen in the SFU alone: the supervisor's softphone hears
 * what the agent's microphone and the agent's leg say, and the agent hears the whisper; nothing of it ever reaches the
 * media server, so the customer cannot hear it. Joining makes the supervisor a party of the conversation.
 */
export class Supervision implements AsyncDisposable {
  readonly callId: string
  readonly agentId: string
  readonly agentName: string
  readonly since = new Date()
  readonly #supervisor: Softphone
  readonly #agent: Softphone
  readonly #agentLeg: SoftphoneLeg
  readonly #conversation: Conversation
  #listening: readonly Disposable[] = []
  #whispering: Disposable | undefined
  #mode: SuperviseMode = 'listen'
  #forget: () => void = () => {}
  #isCardEntry = false

  constructor(
    supervisor: Softphone,
    agent: Softphone,
    agentLeg: SoftphoneLeg,
    conversation: Conversation,
    agentName: string
  ) {
    this.#supervisor = supervisor
    this.#agent = agent
    this.#agentLeg = agentLeg
    this.#conversation = conversation
    this.callId = conversation.call.id
    this.agentId = agent.agentId
    this.agentName = agentName
  }

  get mode(): SuperviseMode {
    return this.#mode
  }

  get conversation(): Conversation {
    return this.#conversation
  }

  /** Begins to hear both sides; sends nothing. */
  async listen(): Promise<void> {
    await this.#stopWhisper()
    if (this.#listening.length === 0) {
      await this.#hearAgent()
      // The agent's page may be loaded anew: its microphone is another one then.
      this.#forget = this.#agent.onPresence(isPresent => {
        if (isPresent) this.#hearAgent().catch(err => this.#supervisor.complain(err))
      })
    }
    this.#mode = 'listen'
  }

  /** Lets the agent, and nobody else, hear the supervisor. */
  async whisper(): Promise<void> {
    await this.listen()
    const { microphone } = this.#supervisor
    if (microphone === null) throw new AppError('CONFLICT', 'Your microphone is not connected.')
    this.#whispering = await this.#agent.hear(microphone, 'supervisor', { isOpen: true })
    this.#mode = 'whisper'
  }

  /** The supervisor becomes a party: what is heard now comes by the party's own leg. */
  async joined(): Promise<void> {
    await this.#stopWhisper()
    this.#stopListening()
    this.#mode = 'barge'
  }

  /** While the number of a card is given, whoever listens in hears nothing. */
  async hideCard(isCardEntry: boolean): Promise<void> {
    if (this.#isCardEntry === isCardEntry) return
    this.#isCardEntry = isCardEntry
    // One who has joined is a party of the call and was let in by it.
    if (this.#mode !== 'barge') await this.#hearAgent()
  }

  /** Who hears whom, for the screen; the same facts that the audio was arranged by. */
  hears(): readonly Readonly<{ from: string; to: string; isHeard: boolean }>[] {
    const isJoined = this.#mode === 'barge'
    return [
      { from: 'supervisor', to: 'agent', isHeard: this.#mode !== 'listen' },
      { from: 'supervisor', to: 'customer', isHeard: isJoined },
      { from: 'customer', to: 'agent', isHeard: this.#conversation.mode !== 'onHold' }
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopWhisper()
    this.#stopListening()
    if (this.#mode === 'barge') await this.#conversation.unbarge(this.#supervisor.agentId)
  }

  async #hearAgent(): Promise<void> {
    this.#stopHearings()
    if (this.#isCardEntry) return
    const sources = [this.#agentLeg.source, this.#agent.microphone].filter(source => source !== null)
    this.#listening = await Promise.all(
      sources.map(source => this.#supervisor.hear(source, 'supervised', { isOpen: true }))
    )
  }

  #stopListening(): void {
    this.#forget()
    this.#forget = () => {}
    this.#stopHearings()
  }

  #stopHearings(): void {
    for (const hearing of this.#listening) hearing[Symbol.dispose]()
    this.#listening = []
  }

  async #stopWhisper(): Promise<void> {
    this.#whispering?.[Symbol.dispose]()
    this.#whispering = undefined
  }
}
