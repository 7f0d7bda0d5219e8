import type {
  AudioSource,
  Hearing,
  OrtcDocument,
  SoftphoneConnection,
  Way
} from '../../media/webrtc/softphone-media.ts'
import type { MediaServer } from '../../media/endpoint.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { BrowserLeg, DeskPhone } from './desk-phone.ts'
import { judgeProof } from './proof.ts'
import type { SfuKeeper } from './sfu-keeper.ts'
import {
  CLOSE_CODES,
  type NotRoutableReason,
  type Proof,
  type SoftphonePush,
  type TransportOfferMessage
} from './protocol.ts'
import { SoftphoneLeg } from './softphone-leg.ts'
import { SoftphoneLink } from './softphone-link.ts'

/** One open page of an agent's desk. */
export interface Tab {
  readonly id: string
  send(push: SoftphonePush): void
  close(code: number, reason: string): void
}

type HearingRole = Extract<SoftphonePush, { kind: 'media.hear' }>['role']

type HearingEntry = Disposable & {
  readonly source: AudioSource
  readonly role: HearingRole
  /** Null while the softphone is away. */
  hearing: Hearing | null
  connection: SoftphoneConnection | null
  isOpen: boolean
  isReadyInBrowser: boolean
}

/**
 * The browser phone of one agent: its pages, of which one has the audio, and the SFU connection of that page. It lives
 * as long as any page or call needs it, so that a reload is only a change of pages.
 */
export class Softphone implements DeskPhone {
  readonly agentId: string
  readonly #sfu: SfuKeeper
  readonly #log: Logger
  readonly #tabs = new Map<string, Tab>()
  readonly #hearings = new Map<string, HearingEntry>()
  readonly #presenceListeners = new Set<(isPresent: boolean) => void>()
  #activeTabId: string | null = null
  #connection: SoftphoneConnection | null = null
  #rtpCapabilities: OrtcDocument | null = null
  #proof: Proof | null = null
  #isMuted = false
  #wasPresent = false

  constructor(agentId: string, sfu: SfuKeeper, log: Logger) {
    this.agentId = agentId
    this.#sfu = sfu
    this.#log = log
  }

  get tabs(): readonly Tab[] {
    return [...this.#tabs.values()]
  }

  isActiveTab(tabId: string): boolean {
    return this.#activeTabId === tabId
  }

  /** The page in which calls ring. */
  get activeTab(): Tab | null {
    return this.#activeTabId === null ? null : (this.#tabs.get(this.#activeTabId) ?? null)
  }

  get microphone(): AudioSource | null {
    return this.#connection?.microphone ?? null
  }

  get isMuted(): boolean {
    return this.#isMuted
  }

  /** Whether somebody can talk and hear there now: a page, a connected transport and a microphone. */
  get isPresent(): boolean {
    return this.activeTab !== null && this.#connection?.state === 'connected' && this.#connection.microphone !== null
  }

  /** What speaks against sending calls here, from the last proof and the connection; empty when nothing does. */
  get notRoutable(): readonly NotRoutableReason[] {
    if (this.activeTab === null) return ['connectionLost']
    if (this.#proof === null) return ['noProof']
    const reasons = judgeProof(this.#proof)
    return reasons.length === 0 && !this.isPresent ? ['connectionLost'] : reasons
  }

  /** Called on each change of `isPresent`, until the returned function is called. */
  onPresence(listener: (isPresent: boolean) => void): () => void {
    this.#presenceListeners.add(listener)
    return () => this.#presenceListeners.delete(listener)
  }

  /** A page is open. One with the id of an earlier page is that page, connected anew: the old connection is dead. */
  addTab(tab: Tab): void {
    const earlier = this.#tabs.get(tab.id)
    this.#tabs.set(tab.id, tab)
    earlier?.close(CLOSE_CODES.replaced, 'This page has connected anew')
    // The first page gets the calls; a later one only when it asks, or when the first has gone.
    if (this.activeTab === null) this.#activeTabId = tab.id
  }

  /** A page's connection is closed; says nothing about one that has replaced it. */
  async removeTab(tab: Tab): Promise<void> {
    if (this.#tabs.get(tab.id) !== tab) return
    this.#tabs.delete(tab.id)
    if (this.#activeTabId !== tab.id) return
    this.#activeTabId = this.#tabs.keys().next().value ?? null
    await this.#disconnect()
  }

  /** Makes a page the one in which calls ring. Its next request is `media.open`. */
  async claim(tabId: string): Promise<void> {
    if (this.#activeTabId === tabId) return
    this.#activeTabId = tabId
    await this.#disconnect()
    for (const tab of this.#tabs.values()) if (tab.id === tabId) tab.send({ kind: 'media.lost' })
  }

  /** Calls ring in a page of another control plane now; the pages here stay open and may ask for them again. */
  async giveUpCalls(): Promise<void> {
    if (this.#activeTabId === null) return
    this.#activeTabId = null
    await this.#disconnect()
  }

  /** A page asks for its transports; those of an earlier page end. */
  async open(
    tabId: string,
    rtpCapabilities: OrtcDocument
  ): Promise<{ send: TransportOfferMessage; receive: TransportOfferMessage }> {
    this.#mustBeActive(tabId)
    await this.#disconnect()
    const connection = await this.#sfu.createConnection()
    if (this.#activeTabId !== tabId) {
      await connection[Symbol.asyncDispose]()
      throw new AppError('CONFLICT', 'Calls ring in another tab now.')
    }
    this.#connection = connection
    this.#rtpCapabilities = rtpCapabilities
    connection.onState(state => {
      if (this.#connection !== connection) return
      this.#log.debug({ agentId: this.agentId, state }, 'softphone connection')
      if (state === 'closed') this.activeTab?.send({ kind: 'media.lost' })
      this.#presenceMayHaveChanged()
    })
    return connection.offers
  }

  async connect(tabId: string, way: Way, dtlsParameters: OrtcDocument): Promise<void> {
    await this.#connectionOf(tabId).connect(way, dtlsParameters)
  }

  async restartIce(tabId: string, way: Way): Promise<OrtcDocument> {
    return await this.#connectionOf(tabId).restartIce(way)
  }

  async speak(tabId: string, rtpParameters: OrtcDocument): Promise<string> {
    const connection = this.#connectionOf(tabId)
    const microphone = await connection.speak(rtpParameters)
    if (this.#isMuted) await connection.mute(true)
    // Nothing is sent by it: it makes the browser connect its receiving side now, and not when the first call comes.
    await this.hear(microphone, 'warmUp', { isOpen: false })
    this.#wasPresent = false
    this.#presenceMayHaveChanged()
    return microphone.id
  }

  /** The browser has its end of a hearing: voice may come. */
  hearingReady(tabId: string, hearingId: string): void {
    this.#mustBeActive(tabId)
    for (const entry of this.#hearings.values())
      if (entry.hearing?.offer.id === hearingId) {
        entry.isReadyInBrowser = true
        this.#resumeIfWanted(entry)
      }
  }

  async mute(isMuted: boolean): Promise<void> {
    this.#isMuted = isMuted
    await this.#connection?.mute(isMuted)
  }

  /** Takes a proof; what it means for routing is in `notRoutable`. */
  prove(tabId: string, proof: Proof): void {
    this.#mustBeActive(tabId)
    this.#proof = proof
  }

  /** What the last proof said about the microphone, for telling a dead head-set from an agent who did not answer. */
  get lastProof(): Proof | null {
    return this.#proof
  }

  /** Lets the softphone hear a source for as long as the returned entry lives, over reloads of its page. */
  async hear(source: AudioSource, role: HearingRole, options: Readonly<{ isOpen: boolean }>): Promise<Disposable> {
    const key = `${source.id} ${role}`
    this.#hearings.get(key)?.[Symbol.dispose]()
    const entry: HearingEntry = {
      source,
      role,
      hearing: null,
      connection: null,
      isOpen: options.isOpen,
      isReadyInBrowser: false,
      [Symbol.dispose]: () => {
        if (this.#hearings.get(key) === entry) this.#hearings.delete(key)
        this.#drop(entry)
      }
    }
    this.#hearings.set(key, entry)
    await this.#attach(entry)
    return entry
  }

  resume(hearing: Disposable): void {
    for (const entry of this.#hearings.values())
      if (entry === hearing) {
        entry.isOpen = true
        this.#resumeIfWanted(entry)
      }
  }

  /** Whether a hearing has ended from the SFU's side. */
  hasForgotten(hearing: Disposable): boolean {
    return ![...this.#hearings.values()].some(entry => entry === hearing)
  }

  async createLeg(media: MediaServer): Promise<SoftphoneLeg> {
    return await SoftphoneLeg.create(this, this.#sfu, media)
  }

  async createLink(leg: BrowserLeg | null): Promise<SoftphoneLink> {
    return await SoftphoneLink.create(this, this.#sfu, leg instanceof SoftphoneLeg ? leg.source : null)
  }

  complain(err: unknown): void {
    this.#log.warn({ err, agentId: this.agentId }, 'a softphone could not be put through')
  }

  /** Everything of it ends; its pages are told why. */
  async close(code: number, reason: string): Promise<void> {
    for (const tab of this.#tabs.values()) tab.close(code, reason)
    this.#tabs.clear()
    this.#activeTabId = null
    await this.#disconnect()
  }

  async #attach(entry: HearingEntry): Promise<void> {
    const connection = this.#connection
    const tab = this.activeTab
    if (connection === null || tab === null || this.#rtpCapabilities === null) return
    if (connection.state === 'closed' || entry.connection === connection || entry.source.closed.aborted) return
    entry.connection = connection
    entry.isReadyInBrowser = false
    const hearing = await connection.hear(entry.source, this.#rtpCapabilities)
    if (this.#connection !== connection || this.#hearings.get(`${entry.source.id} ${entry.role}`) !== entry) {
      hearing[Symbol.dispose]()
      return
    }
    entry.hearing = hearing
    tab.send({ kind: 'media.hear', role: entry.role, hearing: hearing.offer })
  }

  #resumeIfWanted(entry: HearingEntry): void {
    if (!entry.isOpen || !entry.isReadyInBrowser || entry.hearing === null) return
    entry.hearing.resume().catch(err => this.complain(err))
  }

  #drop(entry: HearingEntry): void {
    const { hearing } = entry
    entry.hearing = null
    entry.connection = null
    if (hearing === null) return
    hearing[Symbol.dispose]()
    this.activeTab?.send({ kind: 'media.unhear', hearingId: hearing.offer.id })
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    this.#proof = null
    for (const entry of this.#hearings.values()) {
      entry.hearing = null
      entry.connection = null
    }
    this.#presenceMayHaveChanged()
    await connection?.[Symbol.asyncDispose]()
  }

  #presenceMayHaveChanged(): void {
    const { isPresent } = this
    if (isPresent === this.#wasPresent) return
    this.#wasPresent = isPresent
    if (isPresent) for (const entry of this.#hearings.values()) this.#attach(entry).catch(err => this.complain(err))
    for (const listener of this.#presenceListeners) listener(isPresent)
  }

  #connectionOf(tabId: string): SoftphoneConnection {
    this.#mustBeActive(tabId)
    if (this.#connection === null) throw new AppError('CONFLICT', 'Ask for the transports first (media.open).')
    return this.#connection
  }

  #mustBeActive(tabId: string): void {
    if (this.#activeTabId !== tabId) throw new AppError('CONFLICT', 'Calls ring in another tab.')
  }
}
