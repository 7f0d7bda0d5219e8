import { setTimeout as delay } from 'node:timers/promises'
import Mrf from 'drachtio-fsmrf'
import type { Logger } from 'pino'
import { type Endpoint, MediaError, type MediaServer, type Playback, type PlaySource } from './endpoint.ts'
import { probeEventSocket } from './event-socket-probe.ts'
import { inTime, orAfter, untilSilent, withSignal } from './in-time.ts'
import { offerOf, PLACEHOLDER_SDP } from './offer-sdp.ts'

const PROFILE = 'drachtio_mrf'
/** In config/freeswitch: no entry sounds, no music, no comfort noise. */
const CONFERENCE_PROFILE = 'default'
/** createEndpoint waits up to 32 s (timer B) for a media server that died; callers do not. */
const CREATE_LIMIT_MS = 5_000
const COMMAND_LIMIT_MS = 5_000
const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 5_000
const BREAK_MS = 250
const LEAST_LOOP_MS = 15
const MAX_BREAKS = 8
/** A machine that froze or is cut off ends no connection: it is asked so often, and given up when it says nothing for so long. */
const ASK_EVERY_MS = 3_000
const SILENT_MS = 8_000

export type FreeswitchOptions = Readonly<{
  address: Readonly<{ host: string; port: number; secret: string }>
  /** Where FreeSWITCH reaches this program for its outbound event socket. */
  listenHost: string
  /** The drachtio-srf instance through which endpoints are invited. */
  srf: object
  log: Logger
  onState: (isConnected: boolean) => void
  /** Told of each channel and of its dialog with the SIP server, until the returned function is called. */
  hold: (kind: 'channel' | 'dialog', engineId: string) => () => void
}>

/**
 * Connects to FreeSWITCH's event socket and keeps connected. Resolves at once; `isConnected` tells when calls can be
 * taken. Until then createEndpoint rejects with MEDIA_UNAVAILABLE.
 */
export function connectFreeswitch(
  options: FreeswitchOptions
): MediaServer & { ready(signal: AbortSignal): Promise<void> } {
  const { address, listenHost, log, onState, hold } = options
  const mrf = new Mrf(options.srf)
  const closing = new AbortController()
  const legs = new Set<FreeswitchEndpoint>()
  let server: Mrf.MediaServer | undefined
  let waiting: (() => void)[] = []

  const keepConnected = async (): Promise<void> => {
    let retryMs = FIRST_RETRY_MS
    let lastReason = ''
    while (!closing.signal.aborted) {
      const reason = await tryConnect()
      if (reason === undefined) {
        retryMs = FIRST_RETRY_MS
        lastReason = ''
        const isSilent = (await untilEnd(server)) === 'silent'
        server?.disconnect()
        server = undefined
        onState(false)
        if (isSilent) log.error('the media server does not answer')
        else if (!closing.signal.aborted) log.error('the media server is gone')
        // The legs' own connections end with a media server that died, and not with one that froze.
        if (isSilent) for (const leg of legs) leftIds.add(leg.giveUp())
      } else {
        // Each new reason once, not each try.
        if (reason !== lastReason) log.warn({ reason }, 'the media server cannot be used yet')
        lastReason = reason
        await delay(retryMs, undefined, { signal: closing.signal }).catch(ignoreAbort)
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
      }
    }
  }

  const tryConnect = async (): Promise<string | undefined> => {
    const reason = await probeEventSocket(address, PROFILE)
    if (reason !== undefined) return reason
    try {
      server = await mrf.connect({
        address: address.host,
        port: address.port,
        secret: address.secret,
        // Beyond this machine the listener binds every interface, and the operator's address is announced.
        listenAddress: listenHost.startsWith('127.') ? listenHost : '0.0.0.0',
        advertisedAddress: listenHost
      })
    } catch (err) {
      return err instanceof Error ? err.message : String(err)
    }
    sendWhole(server.conn)
    server.conn.socket?.setNoDelay(true)
    log.info('media server connected')
    onState(true)
    for (const resolve of waiting.splice(0)) resolve()
    void endLeft()
    return undefined
  }

  const untilEnd = async (current: Mrf.MediaServer | undefined): Promise<'ended' | 'silent'> => {
    if (current === undefined) return 'ended'
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, closing.signal])
    const ended = new Promise<'ended'>(resolve => {
      current.once('end', () => resolve('ended'))
      closing.signal.addEventListener('abort', () => resolve('ended'), { once: true })
    })
    const times = { everyMs: ASK_EVERY_MS, limitMs: SILENT_MS }
    const silent = untilSilent(() => current.api('global_getvar hostname'), times, signal)
    try {
      return await Promise.race([ended, silent.then(() => 'silent' as const)])
    } finally {
      over.abort()
    }
  }

  /** Legs of calls that were given up while the media server froze: nobody else ends them. */
  const leftIds = new Set<string>()
  const endLeft = async () => {
    for (const id of leftIds)
      try {
        await media.endLeg(id)
        leftIds.delete(id)
      } catch (err) {
        log.warn({ err, legId: id }, 'a leg that was given up could not be ended')
        return
      }
  }

  const create = async (remoteSdp: string, localSdpOf: (sdp: string) => string): Promise<Endpoint> => {
    const current = server
    if (current === undefined || !current.connected())
      throw new MediaError('MEDIA_UNAVAILABLE', 'the media server is not connected')
    const creating = current.createEndpoint({ remoteSdp })
    let isLate = false
    creating.then(
      endpoint => {
        // It came after we had given up: nobody owns it, so it must not stay.
        if (isLate) endpoint.destroy().catch(err => log.warn({ err }, 'a late endpoint could not be released'))
      },
      () => {}
    )
    try {
      const leg = new FreeswitchEndpoint(await inTime(creating, CREATE_LIMIT_MS), localSdpOf, log, hold)
      legs.add(leg)
      leg.lost.addEventListener('abort', () => legs.delete(leg), { once: true })
      return leg
    } catch (err) {
      isLate = true
      throw toMediaError(err)
    }
  }

  const api = async (command: string): Promise<string> => {
    const current = server
    if (current === undefined || !current.connected())
      throw new MediaError('MEDIA_UNAVAILABLE', 'the media server is not connected')
    try {
      return (await inTime(current.api(command), COMMAND_LIMIT_MS)).trim()
    } catch (err) {
      throw toMediaError(err)
    }
  }

  const media: MediaServer & { ready(signal: AbortSignal): Promise<void> } = {
    get isConnected() {
      return server?.connected() === true
    },
    async ready(signal) {
      if (server !== undefined) return
      await withSignal(
        new Promise<void>(resolve => {
          waiting.push(resolve)
        }),
        signal
      )
    },
    createEndpoint: remoteSdp => create(remoteSdp, sdp => sdp),
    createOffer: () => create(PLACEHOLDER_SDP, offerOf),
    async endLeg(endpointId) {
      if (!/^[\w-]+$/.test(endpointId)) return false
      const exists = (await api(`uuid_exists ${endpointId}`)) === 'true'
      if (exists) await api(`uuid_kill ${endpointId}`)
      return exists
    },
    async leaveNote(name, text) {
      await api(`global_setvar parley_${name}=${text ?? ''}`)
    },
    async readNote(name) {
      const text = await api(`global_getvar parley_${name}`)
      return text === '' || text.startsWith('-ERR') ? null : text
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      waiting = []
      await loop
    }
  }
  const loop = keepConnected()
  return media
}

class FreeswitchEndpoint implements Endpoint {
  readonly id: string
  readonly localSdp: string
  readonly codec: string | null
  readonly #endpoint: Mrf.Endpoint
  readonly #log: Logger
  readonly #lost = new AbortController()
  readonly #digitListeners = new Set<(digit: string) => void>()
  readonly #playing = new Set<Playback>()
  /** Resolves when FreeSWITCH closes the leg's event socket, which it does once the leg is gone. */
  readonly #closed: Promise<void>
  readonly #letGo: () => void
  #isReleased = false
  #hearsOfBridges = false
  #hangupCause: string | undefined

  constructor(
    endpoint: Mrf.Endpoint,
    localSdpOf: (sdp: string) => string,
    log: Logger,
    hold: FreeswitchOptions['hold']
  ) {
    this.#endpoint = endpoint
    this.#log = log
    this.id = endpoint.uuid
    const held = [hold('channel', endpoint.uuid), hold('dialog', endpoint.dialog.id)]
    this.#letGo = () => {
      for (const release of held) release()
    }
    this.localSdp = localSdpOf(endpoint.local.sdp)
    this.codec = /^a=rtpmap:\d+ (?!telephone-event)([A-Za-z0-9]+)\//m.exec(endpoint.local.sdp)?.[1] ?? null
    this.#closed = new Promise(resolve => endpoint.conn?.on('esl::end', () => resolve()))
    endpoint.on('dtmf', ({ dtmf }: { dtmf: string }) => this.pushDigit(dtmf))
    // Whichever comes first has the cause: the event of the channel's state, or the BYE's Reason header (RFC 3326).
    endpoint.on('destroy', (event?: { reason?: string }) => this.#loseLeg(event?.reason))
    endpoint.dialog.once('destroy', bye => this.#loseLeg(/text="([A-Z_]+)"/.exec(bye?.get('Reason') ?? '')?.[1]))
    endpoint.conn?.socket?.setNoDelay(true)
    // A leg's events have some six kilobytes each. Nobody waits for these; fsmrf asks for them on every leg.
    endpoint.conn?.sendRecv('nixevent CHANNEL_EXECUTE PLAYBACK_START PLAYBACK_STOP')
    endpoint.conn?.on(`esl::event::CHANNEL_HANGUP::${this.id}`, event => {
      this.#hangupCause = event.getHeader('Hangup-Cause')
    })
    // FreeSWITCH's playback ends at '*' by default; keys are handled here, so nothing may end it. Set as an application it
    // would tell of its beginning and its end.
    endpoint.api('uuid_setvar', [this.id, 'playback_terminators', 'none']).catch((err: unknown) => {
      log.debug({ err, legId: this.id }, 'the leg went before its keys were taken from its playback')
    })
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  onDigit(listener: (digit: string) => void): () => void {
    this.#digitListeners.add(listener)
    return () => this.#digitListeners.delete(listener)
  }

  pushDigit(digit: string): void {
    for (const listener of this.#digitListeners) listener(digit)
  }

  play(sources: readonly PlaySource[]): Playback {
    return this.#playback(inOrder(sources), 0)
  }

  loop(source: string): Playback {
    return this.#playback(againAndAgain(source), LEAST_LOOP_MS)
  }

  async hush(): Promise<void> {
    await Promise.all([...this.#playing].map(playback => playback.stop()))
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#command(this.#endpoint.execute('send_dtmf', digits))
  }

  async refuseKeys(): Promise<void> {
    // It wants a mask although its usage says otherwise; one without a key in it sends none.
    await this.#command(this.#endpoint.api('uuid_drop_dtmf', [this.id, 'on', 'mask_digits', '-']))
  }

  async voiceSsrc(): Promise<number | null> {
    const event = await this.#command(this.#endpoint.api('uuid_getvar', [this.id, 'rtp_use_ssrc']))
    const ssrc = Number(event.getBody().trim())
    return Number.isInteger(ssrc) && ssrc > 0 ? ssrc : null
  }

  async modify(sdp: string): Promise<string> {
    return await this.#command(this.#endpoint.modify(sdp))
  }

  async bridge(other: Pick<Endpoint, 'id'>): Promise<void> {
    // Without it FreeSWITCH ends the caller's leg when the other party hangs up, and the flow could not go on.
    await this.#command(this.#endpoint.api('uuid_setvar', [this.id, 'park_after_bridge', 'true']))
    await this.#command(this.#bridged(other.id))
  }

  /**
   * Resolves when both hear each other. FreeSWITCH's own answer says only that the order was taken, and whoever is taken out
   * of a bridge that has not begun loses the other party (DESTINATION_OUT_OF_ORDER).
   */
  async #bridged(otherId: string): Promise<void> {
    const { conn } = this.#endpoint
    if (conn === null) throw new MediaError('MEDIA_LOST', 'the leg has gone')
    if (!this.#hearsOfBridges) {
      this.#hearsOfBridges = true
      conn.subscribe('CHANNEL_BRIDGE')
      // The event belongs to the leg that FreeSWITCH lets lead; our filter knows ours as the leading one only.
      conn.filter('Bridge-B-Unique-ID', this.id)
    }
    const pair = [this.id, otherId].sort().join()
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const onBridge = (event: Mrf.EslEvent) => {
      const both = [event.getHeader('Bridge-A-Unique-ID'), event.getHeader('Bridge-B-Unique-ID')]
      if (both.sort().join() === pair) resolve()
    }
    const names = [this.id, otherId].map(id => `esl::event::CHANNEL_BRIDGE::${id}`)
    for (const name of names) conn.on(name, onBridge)
    try {
      await this.#endpoint.bridge(otherId)
      await begun
    } finally {
      for (const name of names) conn.off(name, onBridge)
    }
  }

  async unbridge(): Promise<void> {
    await this.#command(this.#endpoint.unbridge())
  }

  async joinConference(name: string): Promise<void> {
    // Nobody is told who comes and goes by sounds, and one who is alone hears nothing: the desk shows it.
    await this.#command(this.#endpoint.join(name, { profile: CONFERENCE_PROFILE }))
  }

  async leaveConference(): Promise<void> {
    await this.#command(this.#endpoint.unjoin())
  }

  async startFork(options: Readonly<{ url: string; mix: 'mono' | 'stereo'; name: string }>): Promise<void> {
    await this.#command(
      this.#endpoint.forkAudioStart({
        wsUrl: options.url,
        mixType: options.mix,
        sampling: '8000',
        bugname: options.name
      })
    )
  }

  async stopFork(name: string): Promise<void> {
    await this.#command(this.#endpoint.forkAudioStop(name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#digitListeners.clear()
    if (this.#lost.signal.aborted || !this.#endpoint.connected) return this.#letGo()
    // What the hang-up would tell of itself is told by the end of the dialog.
    this.#endpoint.conn?.sendRecv('nixevent CHANNEL_EXECUTE_COMPLETE CHANNEL_CALLSTATE')
    try {
      await inTime(Promise.race([this.#endpoint.destroy(), this.#closed]), COMMAND_LIMIT_MS)
    } catch (err) {
      // The event socket may already be gone; the SIP dialog is the other handle on the same leg.
      this.#log.warn({ err, legId: this.id }, 'the endpoint is released by signalling')
      this.#endpoint.dialog.destroy({}, err => {
        if (err) this.#log.warn({ err, legId: this.id }, 'the endpoint could not be released by signalling either')
      })
    }
    this.#letGo()
  }

  /** The media server says nothing any more. Returns the leg's id, by which it can be ended later. */
  giveUp(): string {
    this.#loseLeg('no answer')
    return this.id
  }

  #loseLeg(cause?: string): void {
    if (this.#lost.signal.aborted) return
    this.#letGo()
    if (this.#isReleased) {
      this.#lost.abort(RELEASED)
      return
    }
    this.#hangupCause ??= cause
    const isSilent = this.#hangupCause === 'MEDIA_TIMEOUT'
    this.#lost.abort(
      isSilent
        ? new MediaError('NO_VOICE', 'no voice arrived for too long')
        : new MediaError('MEDIA_LOST', `the media server dropped the leg (${this.#hangupCause ?? 'unknown cause'})`)
    )
  }

  /**
   * Plays one source after the other. FreeSWITCH could play a list itself, but a break of what came over the event socket
   * ends only the file that is playing, and a caller who has pressed a key would hear the rest. Its endless playback does not
   * end at a break at all, and the talk would wait for the music.
   */
  #playback(sources: AsyncGenerator<string>, leastMs: number): Playback {
    let isStopped = false
    let isPlaying = false
    const givenUp = new AbortController()
    const ended = AbortSignal.any([this.#lost.signal, givenUp.signal])
    const { promise: stopped, resolve: tellStopped } = Promise.withResolvers<null>()
    const playAll = async () => {
      let next = nextOf(sources)
      for (;;) {
        // What is not there yet may be long in coming.
        const found = await withSignal(Promise.race([next, stopped]), this.#lost.signal)
        if (isStopped || found === null || found.done) break
        next = nextOf(sources)
        isPlaying = true
        const startedAtMs = performance.now()
        const event = await withSignal(this.#endpoint.execute('playback', found.value), ended)
        isPlaying = false
        const response = event.getHeader('Application-Response') ?? ''
        if (response === 'FILE NOT FOUND' || response === 'PLAYBACK ERROR')
          throw new MediaError('PROMPT_NOT_PLAYABLE', `the media server says ${response}`)
        // Music without a single packet would be asked for thousands of times a second.
        if (!isStopped && performance.now() - startedAtMs < leastMs)
          throw new MediaError('PROMPT_NOT_PLAYABLE', 'there is nothing in the music')
      }
      return isStopped ? ('stopped' as const) : ('finished' as const)
    }
    let isOver = false
    const finished = playAll().finally(() => {
      isOver = true
      // It may be in the middle of making the next, for which nobody waits any more.
      sources.return(undefined).catch(() => {})
    })
    // Whoever does not wait for the end is not told of a failure twice; the one who waits still is.
    const over = finished.then(
      () => {},
      () => {}
    )
    const playback: Playback = {
      finished,
      stop: async () => {
        isStopped = true
        tellStopped(null)
        // A break meant for this one would end the next.
        if (!isPlaying) return await over
        // A break that overtakes the beginning of what it is to end is lost. One of `all` would throw away the order to play
        // that FreeSWITCH has taken and not begun, and would leave whoever waits for its end waiting.
        for (let times = 0; times < MAX_BREAKS && !isOver && !this.#lost.signal.aborted; times += 1) {
          await this.#command(this.#endpoint.api('uuid_break', this.id))
          await orAfter(over, BREAK_MS)
        }
        if (!isOver) givenUp.abort(new MediaError('MEDIA_TIMEOUT', 'the media server does not stop playing'))
      }
    }
    this.#playing.add(playback)
    void over.then(() => this.#playing.delete(playback))
    return playback
  }

  async #command<T>(running: Promise<T>): Promise<T> {
    try {
      return await inTime(withSignal(running, this.#lost.signal), COMMAND_LIMIT_MS)
    } catch (err) {
      throw toMediaError(err)
    }
  }
}

/** Made once: most legs end so, and an error with its stack costs more than the rest of the end. */
const RELEASED = new MediaError('MEDIA_LOST', 'the leg was released')

const sentWhole = new WeakSet<object>()

/**
 * modesl writes a command in two to six pieces, each a system call here, a wake-up there and, with Nagle's algorithm, a wait of some
 * 40 ms. Here a command is one piece, and those of a turn leave together. It is the library's prototype that learns so, since
 * it opens a connection for each leg and writes to it before anybody else holds it.
 */
function sendWhole(connection: Mrf.EslConnection): void {
  const library = Object.getPrototypeOf(connection) as Pick<Mrf.EslConnection, 'send'>
  if (sentWhole.has(library)) return
  sentWhole.add(library)
  const { send } = library
  library.send = function (this: Mrf.EslConnection, command, headers) {
    const { socket } = this
    // It has its own way to say that a connection is gone.
    if (socket === null) return send.call(this, command, headers)
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}\n`)
    socket.write(`${command}\n${lines.join('')}\n`)
  }
}

async function* againAndAgain(source: string): AsyncGenerator<string> {
  for (;;) yield source
}

async function* inOrder(sources: readonly PlaySource[]): AsyncGenerator<string> {
  for (const source of sources) {
    if (typeof source === 'string') yield source
    else yield* source
  }
}

function nextOf(sources: AsyncGenerator<string>): Promise<IteratorResult<string>> {
  const next = sources.next()
  // Heard when it is waited for; until then nobody may look.
  next.catch(() => {})
  return next
}

function toMediaError(err: unknown): MediaError {
  if (err instanceof MediaError) return err
  const status = (err as { status?: unknown }).status
  if (status === 488)
    return new MediaError('NO_COMMON_CODEC', 'the media server shares no codec with the caller', { cause: err })
  if (status === 400 || status === 415)
    return new MediaError('SDP_REFUSED', 'the media server cannot read the SDP', { cause: err })
  if (status === 408 || status === 503 || status === 480)
    return new MediaError('MEDIA_UNAVAILABLE', 'the media server takes no call', { cause: err })
  return new MediaError('MEDIA_COMMAND_FAILED', 'the media server refused', { cause: err })
}

function ignoreAbort(err: unknown): void {
  if ((err as { name?: string }).name !== 'AbortError') throw err
}
