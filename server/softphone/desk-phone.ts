import type { Endpoint, MediaServer } from '../../media/endpoint.ts'
import type { LinkAddress, LinkedStream } from '../../media/webrtc/softphone-media.ts'
import type { NotRoutableReason, Proof } from './protocol.ts'
import type { Tab } from './softphone.ts'

/** Whether somebody can talk and hear at a phone now. */
export type Presence = Readonly<{
  isPresent: boolean
  /** Called on each change of `isPresent`, until the returned function is called. */
  onPresence(listener: (isPresent: boolean) => void): () => void
}>

/** The part that a browser has in one call. */
export interface BrowserLeg extends AsyncDisposable {
  readonly endpoint: Endpoint
  readonly softphone: Presence
  /** Aborted when the leg can never be heard again: the media server or the SFU has lost it. */
  readonly gone: AbortSignal
  /** Opens the audio both ways. */
  open(): Promise<void>
}

/** What a softphone can send over a link: what its own microphone says, or what its leg in a call says to it. */
export type LinkVoice = 'microphone' | 'leg'

/**
 * One end of a link between the SFUs of two softphones, at the SFU of one of them. Nothing of what goes over it ever
 * reaches a media server.
 */
export interface PhoneLink extends AsyncDisposable {
  readonly address: LinkAddress
  connect(remote: LinkAddress): Promise<void>
  send(voice: LinkVoice): Promise<LinkedStream>
  /** Stops sending. */
  stop(stream: LinkedStream): Promise<void>
  /** Lets the softphone hear what comes from the other end, until the returned function is called. */
  hear(stream: LinkedStream, role: 'supervised' | 'supervisor'): Promise<() => Promise<void>>
}

/** The browser phone that a desk rings on: a {@link Softphone} of this control plane, or one whose page is on another. */
export interface DeskPhone extends Presence {
  readonly agentId: string
  readonly tabs: readonly Tab[]
  /** The page in which calls ring. */
  readonly activeTab: Tab | null
  readonly isMuted: boolean
  /** What speaks against sending calls here; empty when nothing does. */
  readonly notRoutable: readonly NotRoutableReason[]
  readonly lastProof: Proof | null
  isActiveTab(tabId: string): boolean
  /**
   * A leg towards this phone at a media server; silent until it is opened. `isReturning`: for a call that the agent is in
   * already, whose page may still be on its way.
   */
  createLeg(media: MediaServer, options?: Readonly<{ isReturning?: boolean }>): Promise<BrowserLeg>
  /** An end of a link that can send the voices of this phone, and of its leg when one is given. */
  createLink(leg: BrowserLeg | null): Promise<PhoneLink>
}
