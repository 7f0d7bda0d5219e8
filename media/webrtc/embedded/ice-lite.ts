import { randomBytes } from 'node:crypto'
import { buildBindingError, buildBindingSuccess, STUN_TYPE, type StunMessage } from './stun.ts'

/** One way to the peer: its address as the socket saw it. The same peer at the same address is the same object. */
export interface Path {
  readonly key: string
  readonly address: string
  readonly port: number
  send(datagram: Buffer): void
}

export type IceCredentials = Readonly<{ usernameFragment: string; password: string }>

/** Addresses of one browser that are remembered: Wi-Fi, cable, mobile, and what NAT makes of them. */
const MAX_PATHS = 8

/** RFC 8445 §5.3: at least 24 and 128 bits of randomness; hexadecimal digits are all ice-chars. */
export function newCredentials(): IceCredentials {
  return { usernameFragment: randomBytes(8).toString('hex'), password: randomBytes(16).toString('hex') }
}

export type IceLiteEvents = Readonly<{
  onPathAdded(path: Path): void
  /** No check can name this fragment any more. */
  onFragmentDropped(fragment: string): void
  onPathRemoved(path: Path): void
  /** The path that is sent on has changed; null when consent has run out. */
  onSelected(path: Path | null): void
}>

/**
 * The lite side of ICE (RFC 8445 §2.5): it answers checks and sends where the browser, which is always in control, tells
 * it to. Checks are also the browser's consent to receive (RFC 7675).
 */
export class IceLite {
  readonly #events: IceLiteEvents
  readonly #consentTimeoutMs: number
  #credentials = newCredentials()
  // Valid until the browser uses the new ones (RFC 8445 §9: media goes on during a restart).
  #earlier: IceCredentials | undefined
  readonly #paths = new Map<string, Path>()
  #selected: Path | null = null
  #checkedAtMs = 0

  constructor(consentTimeoutMs: number, events: IceLiteEvents) {
    this.#consentTimeoutMs = consentTimeoutMs
    this.#events = events
  }

  get credentials(): IceCredentials {
    return this.#credentials
  }

  get selected(): Path | null {
    return this.#selected
  }

  restart(): IceCredentials {
    this.#dropEarlier()
    this.#earlier = this.#credentials
    this.#credentials = newCredentials()
    return this.#credentials
  }

  /** Takes a check that names one of our user name fragments, from anywhere. */
  onCheck(message: StunMessage, path: Path, nowMs: number): void {
    // Indications and answers to nobody's question need none.
    if (message.type !== STUN_TYPE.bindingRequest) return
    const credentials = this.#credentialsOf(message)
    if (credentials === undefined || !message.isSignedWith(credentials.password)) {
      path.send(buildBindingError(message, 401, 'Unauthorized'))
      return
    }
    if (message.saysControlled) {
      path.send(buildBindingError(message, 487, 'Role Conflict', credentials.password))
      return
    }
    const known = this.#remember(path)
    this.#checkedAtMs = nowMs
    path.send(buildBindingSuccess(message, credentials.password, path.address, path.port))
    if (credentials === this.#credentials) this.#dropEarlier()
    if (this.#selected !== known && (message.isNomination || this.#selected === null)) this.#select(known)
  }

  /** Stops sending when the browser has not asked for long enough (RFC 7675 §5.1). To be called now and then. */
  checkConsent(nowMs: number): void {
    if (this.#selected === null || nowMs - this.#checkedAtMs < this.#consentTimeoutMs) return
    this.#forgetPaths()
    this.#select(null)
  }

  close(): void {
    this.#forgetPaths()
    this.#selected = null
    this.#dropEarlier()
    this.#events.onFragmentDropped(this.#credentials.usernameFragment)
  }

  #dropEarlier(): void {
    if (this.#earlier === undefined) return
    this.#events.onFragmentDropped(this.#earlier.usernameFragment)
    this.#earlier = undefined
  }

  #credentialsOf(message: StunMessage): IceCredentials | undefined {
    const ours = localFragment(message.username)
    return [this.#credentials, this.#earlier].find(credentials => credentials?.usernameFragment === ours)
  }

  #remember(path: Path): Path {
    const known = this.#paths.get(path.key)
    if (known !== undefined) return known
    if (this.#paths.size >= MAX_PATHS) {
      for (const oldest of this.#paths.values()) {
        if (oldest === this.#selected) continue
        this.#paths.delete(oldest.key)
        this.#events.onPathRemoved(oldest)
        break
      }
    }
    this.#paths.set(path.key, path)
    this.#events.onPathAdded(path)
    return path
  }

  #select(path: Path | null): void {
    this.#selected = path
    this.#events.onSelected(path)
  }

  #forgetPaths(): void {
    for (const path of this.#paths.values()) this.#events.onPathRemoved(path)
    this.#paths.clear()
  }
}

/** The user name of a check is `<receiver's fragment>:<sender's fragment>` (RFC 8445 §7.2.2). */
export function localFragment(username: string | undefined): string | undefined {
  const colon = username?.indexOf(':') ?? -1
  return colon < 0 ? undefined : username?.slice(0, colon)
}
