import type { RemoteInfo } from 'node:dgram'
import { randomInt } from 'node:crypto'
import { decodeG711, encodeG711, G711_SILENCE, G711_TRANSCODE, type G711Codec } from '../../../audio/g711.ts'
import { JITTER_RING, JitterBuffer } from '../../../audio/jitter-buffer.ts'
import { buildRtcpReport, parseRtcp, type ReportBlock, ReceptionStats } from '../../../audio/rtcp.ts'
import { RTP_HEADER_BYTES, rtpPayloadRange, writeRtpHeader } from '../../../audio/rtp.ts'
import { type ReceivedDigit, TelephoneEventReceiver } from '../../../audio/telephone-event.ts'
import type { AudioAgreement } from '../sip/sdp.ts'
import { DigitSender } from './digit-sender.ts'
import { clip, FRAME_SAMPLES, type FrameOverlay, type FrameSource, type FrameTap } from './frame.ts'
import type { RtpSocketPair } from './port-pool.ts'
import { SLOT_MS, type SlotMember } from './slot-clock.ts'

/** Packets from a new address before the stream follows it, while the old address is silent. */
const AUTO_ADJUST_PACKETS = 10
const AUTO_ADJUST_QUIET_SLOTS = 10
const RTCP_INTERVAL_SLOTS = 250
/** A press without end packets ends after this. */
const DIGIT_LOST_SLOTS = 10
const CONCEAL_SLOTS = 2
const TIMESTAMP_UNITS_PER_MS = 8
/** Longest payload that is kept: 60 ms. Nearly everybody sends 20 ms, and a leg has room for no more until one comes that is longer. */
const MAX_PAYLOAD = 480
/** Stands in the jitter buffer for a telephone-event, which carries no audio. */
const EVENT_PLACE = -1

/** Counters shared by all streams. */
export type TrafficCounters = { packetsSent: number; packetsReceived: number; sendErrors: number }

/** What the stream tells its channel. */
export type MediaEvents = Readonly<{
  onDigit(digit: ReceivedDigit): void
  onTimeout(): void
  onRemoteChanged(host: string, port: number): void
}>

export type MediaStreamOptions = Readonly<{
  pair: RtpSocketPair
  host: string
  traffic: TrafficCounters
  timeoutMs: number
  events: MediaEvents
}>

/** The RTP side of one channel: sends one frame a slot from its source, receives, counts and lets others listen. */
export class MediaStream implements SlotMember {
  phase = 0
  readonly localPort: number
  readonly #pair: RtpSocketPair
  readonly #host: string
  readonly #traffic: TrafficCounters
  readonly #events: MediaEvents
  readonly #timeoutSlots: number
  /** Names what is sent (RFC 3550 §8.1). */
  readonly ssrc = randomInt(1, 0xffff_ffff)
  readonly #timestampBase = randomInt(0, 0xffff_ffff)
  // Two buffers in turn: a packet that the kernel could not take at once stays untouched for a slot.
  readonly #packets = [Buffer.alloc(RTP_HEADER_BYTES + FRAME_SAMPLES), Buffer.alloc(RTP_HEADER_BYTES + FRAME_SAMPLES)]
  readonly #jitter = new JitterBuffer<number>({ target: 2, max: 12 })
  // Payloads are copied here, so that the packets themselves are garbage at once. Made when the first comes.
  #ring: Buffer | undefined
  #ringWidth = FRAME_SAMPLES
  readonly #reception = new ReceptionStats()
  readonly #pressed = new TelephoneEventReceiver()
  readonly #readPcm = new Int16Array(FRAME_SAMPLES)
  readonly #writePcm = new Int16Array(FRAME_SAMPLES)
  readonly #digits = new DigitSender()
  readonly taps: FrameTap[] = []
  readonly overlays: FrameOverlay[] = []
  #codec: G711Codec = 'PCMU'
  #payloadType = 0
  #telephoneEventType = -1
  #canSend = false
  #canReceive = false
  #remoteHost = ''
  #remotePort = 0
  #remoteRtcpPort = 0
  #strangerHost = ''
  #strangerPort = 0
  #strangerPackets = 0
  #sequence = randomInt(0, 0xffff)
  #sentPackets = 0
  #lastSentSlot = -2
  #slot = 0
  #lastReceivedSlot = -1
  #pressedSlot = 0
  #readers = 0
  #reportFromPeer: ReportBlock | undefined
  // The frame read in this slot.
  #readFrame: Uint8Array | undefined
  #readStart = 0
  #isReadDecoded = false
  readonly #assembled = Buffer.alloc(FRAME_SAMPLES)
  #carry: Uint8Array = new Uint8Array(0)
  #lastFrame: Uint8Array | undefined
  #lastStart = 0
  #missing = CONCEAL_SLOTS
  #isClosed = false
  /** What is sent when nothing overlays it. */
  source: FrameSource | undefined
  isReadMuted = false
  isWriteMuted = false
  /** Factors on what is heard and said; 1 leaves the audio alone. */
  readGain = 1
  writeGain = 1

  constructor(options: MediaStreamOptions) {
    this.#pair = options.pair
    this.#host = options.host
    this.#traffic = options.traffic
    this.#events = options.events
    this.#timeoutSlots = options.timeoutMs > 0 ? Math.ceil(options.timeoutMs / SLOT_MS) : 0
    this.localPort = options.pair.port
    options.pair.rtp.on('message', this.#onRtp)
    options.pair.rtcp.on('message', this.#onRtcp)
    // ICMP errors show here; a peer that is gone is found by the time-out.
    options.pair.rtp.on('error', () => options.traffic.sendErrors++)
    options.pair.rtcp.on('error', () => options.traffic.sendErrors++)
  }

  get codec(): G711Codec {
    return this.#codec
  }

  get remote(): Readonly<{ host: string; port: number }> {
    return { host: this.#remoteHost, port: this.#remotePort }
  }

  get hasTelephoneEvents(): boolean {
    return this.#telephoneEventType >= 0
  }

  get canSend(): boolean {
    return this.#canSend
  }

  /** Figures for `uuid_set_media_stats` and tests. */
  get figures() {
    return {
      sentPackets: this.#sentPackets,
      receivedPackets: this.#reception.packets,
      receivedOctets: this.#reception.octets,
      lostPackets: this.#reception.lost,
      jitterMs: this.#reception.jitterUnits / TIMESTAMP_UNITS_PER_MS,
      jitterBuffer: this.#jitter.counters,
      reportFromPeer: this.#reportFromPeer
    }
  }

  /** Takes what was negotiated, at the start and after each re-INVITE. */
  apply(agreement: AudioAgreement, slot: number): void {
    const { remote } = agreement
    this.#codec = agreement.codec
    this.#payloadType = agreement.payloadType
    this.#telephoneEventType = agreement.telephoneEventType ?? -1
    // A session that points at this very port is the echo of a late offer: there is nobody to send to.
    const isOwnPort = remote !== undefined && remote.host === this.#host && remote.port === this.localPort
    const isReachable = remote !== undefined && !isOwnPort
    this.#canSend = isReachable && (agreement.direction === 'sendrecv' || agreement.direction === 'sendonly')
    this.#canReceive = agreement.direction === 'sendrecv' || agreement.direction === 'recvonly'
    if (isReachable) {
      this.#remoteHost = remote.host
      this.#remotePort = remote.port
      this.#remoteRtcpPort = remote.rtcpPort
    }
    this.#strangerPackets = 0
    this.#slot = slot
    this.#lastReceivedSlot = slot
    this.#jitter.reset()
  }

  /** While anybody listens, incoming audio is put in order and given out slot by slot; otherwise it is only counted. */
  addReader(): void {
    if (this.#readers++ === 0) {
      this.#jitter.reset()
      this.#missing = CONCEAL_SLOTS
    }
  }

  removeReader(): void {
    this.#readers--
    if (this.#readers === 0) this.#readFrame = undefined
  }

  addTap(tap: FrameTap): void {
    this.taps.push(tap)
    if (tap.wantsRead) this.addReader()
  }

  removeTap(tap: FrameTap): void {
    const index = this.taps.indexOf(tap)
    if (index < 0) return
    this.taps.splice(index, 1)
    if (tap.wantsRead) this.removeReader()
  }

  addOverlay(overlay: FrameOverlay): void {
    this.overlays.push(overlay)
  }

  removeOverlay(overlay: FrameOverlay): void {
    const index = this.overlays.indexOf(overlay)
    if (index >= 0) this.overlays.splice(index, 1)
  }

  /** Queues key presses to be sent as telephone-events. */
  sendDigits(digits: string, durationMs: number): void {
    this.#digits.add(digits, durationMs)
  }

  /** Copies what was read in this slot as `codec` bytes; false when nothing was. */
  copyRead(codec: G711Codec, out: Uint8Array, offset: number): boolean {
    const frame = this.#readFrame
    if (frame === undefined) return false
    if (this.isReadMuted) {
      out.fill(G711_SILENCE[codec], offset, offset + FRAME_SAMPLES)
      return true
    }
    if (this.readGain !== 1) {
      encodeG711(codec, this.readPcm() as Int16Array, out, offset)
      return true
    }
    const start = this.#readStart
    if (codec === this.#codec) {
      for (let index = 0; index < FRAME_SAMPLES; index++) out[offset + index] = frame[start + index] as number
      return true
    }
    const table = G711_TRANSCODE[this.#codec]
    for (let index = 0; index < FRAME_SAMPLES; index++)
      out[offset + index] = table[frame[start + index] as number] as number
    return true
  }

  /** What was read in this slot as samples; undefined when nothing was. Valid until the next slot. */
  readPcm(): Int16Array | undefined {
    const frame = this.#readFrame
    if (frame === undefined) return undefined
    if (!this.#isReadDecoded) {
      this.#isReadDecoded = true
      if (this.isReadMuted) this.#readPcm.fill(0)
      else decodeG711(this.#codec, frame, this.#readStart, FRAME_SAMPLES, this.#readPcm)
      if (this.readGain !== 1) scale(this.#readPcm, this.readGain)
    }
    return this.#readPcm
  }

  read(slot: number): void {
    this.#slot = slot
    this.#readFrame = undefined
    this.#isReadDecoded = false
    if (this.#readers > 0) this.#pullFrame()
    if (this.#pressed.isPressed && slot - this.#pressedSlot > DIGIT_LOST_SLOTS) this.#report(this.#pressed.flush())
    if (this.#timeoutSlots > 0 && this.#canReceive && slot - this.#lastReceivedSlot > this.#timeoutSlots) {
      this.#lastReceivedSlot = slot
      if (this.#remotePort > 0) this.#events.onTimeout()
    }
  }

  write(slot: number): void {
    if (this.#isClosed) return
    const packet = this.#packets[slot & 1] as Buffer
    const hasAudio = this.#composeFrame(packet)
    if (this.#canSend) {
      if (this.#digits.isBusy && this.#telephoneEventType >= 0) this.#sendDigitPacket(slot)
      else if (hasAudio) this.#sendAudio(packet, slot)
    }
    if (this.taps.length > 0) this.#feedTaps(packet, hasAudio)
    // Streams report at different times, because their phases and starts differ.
    if ((slot + this.localPort) % RTCP_INTERVAL_SLOTS === 0) this.#sendReport(false)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sendReport(true)
    this.#pair.rtp.removeAllListeners('message')
    this.#pair.rtcp.removeAllListeners('message')
  }

  #composeFrame(packet: Buffer): boolean {
    const hasSource = this.source?.writeFrame(this.#codec, packet, RTP_HEADER_BYTES) ?? false
    if (this.overlays.length === 0 && this.writeGain === 1 && !this.isWriteMuted) return hasSource
    const pcm = this.#writePcm
    if (hasSource && !this.isWriteMuted) decodeG711(this.#codec, packet, RTP_HEADER_BYTES, FRAME_SAMPLES, pcm)
    else pcm.fill(0)
    let hasAudio = hasSource
    for (const overlay of this.overlays) hasAudio = overlay.mixInto(pcm) || hasAudio
    if (this.writeGain !== 1) scale(pcm, this.writeGain)
    if (hasAudio) encodeG711(this.#codec, pcm, packet, RTP_HEADER_BYTES)
    return hasAudio
  }

  #sendAudio(packet: Buffer, slot: number): void {
    // The marker begins a talk spurt (RFC 3551 §4.1); the timestamp follows the clock also through pauses.
    const isFirst = slot !== this.#lastSentSlot + 1
    const timestamp = (this.#timestampBase + slot * FRAME_SAMPLES) >>> 0
    writeRtpHeader(packet, this.#payloadType, isFirst, this.#sequence, timestamp, this.ssrc)
    this.#transmit(packet, slot)
  }

  #sendDigitPacket(slot: number): void {
    const packet = this.#digits.nextPacket((this.#timestampBase + slot * FRAME_SAMPLES) >>> 0)
    if (packet === undefined) return
    writeRtpHeader(packet.bytes, this.#telephoneEventType, packet.isFirst, this.#sequence, packet.timestamp, this.ssrc)
    this.#transmit(packet.bytes, slot)
  }

  #transmit(bytes: Buffer, slot: number): void {
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#sentPackets++
    this.#lastSentSlot = slot
    this.#traffic.packetsSent++
    // Without offset and length, because with them a view is made of every packet.
    this.#pair.rtp.send(bytes, this.#remotePort, this.#remoteHost)
  }

  #feedTaps(packet: Buffer, hasAudio: boolean): void {
    let written: Int16Array | undefined
    for (let index = 0; index < this.taps.length; index++) {
      const tap = this.taps[index] as FrameTap
      if (tap.wantsWrite && hasAudio && written === undefined) {
        decodeG711(this.#codec, packet, RTP_HEADER_BYTES, FRAME_SAMPLES, this.#writePcm)
        written = this.#writePcm
      }
      tap.onFrame(tap.wantsRead ? this.readPcm() : undefined, tap.wantsWrite ? written : undefined)
    }
  }

  readonly #onRtp = (bytes: Buffer, from: RemoteInfo): void => {
    if ((from.port !== this.#remotePort || from.address !== this.#remoteHost) && !this.#accepts(from)) return
    const range = rtpPayloadRange(bytes)
    if (range < 0) return
    this.#traffic.packetsReceived++
    this.#lastReceivedSlot = this.#slot
    const payloadType = (bytes[1] as number) & 0x7f
    const sequence = ((bytes[2] as number) << 8) | (bytes[3] as number)
    const timestamp = bytes.readUInt32BE(4)
    const start = Math.floor(range / 0x10000)
    const end = range % 0x10000
    const arrival = Math.round(performance.now() * TIMESTAMP_UNITS_PER_MS)
    this.#reception.onPacket(bytes.readUInt32BE(8), sequence, timestamp, arrival, end - start)
    if (payloadType === this.#telephoneEventType) {
      this.#pressedSlot = this.#slot
      this.#report(this.#pressed.push(timestamp, bytes.subarray(start, end)))
      // The event takes the audio's place in the sequence.
      if (this.#readers > 0) this.#jitter.push(sequence, EVENT_PLACE)
    } else if (payloadType === this.#payloadType && this.#readers > 0 && this.#canReceive) {
      this.#keep(sequence, bytes, start, end)
    }
  }

  #keep(sequence: number, bytes: Buffer, start: number, end: number): void {
    const size = end - start
    if (size === 0 || size > MAX_PAYLOAD) return
    if (size > this.#ringWidth) this.#widen()
    const ring = (this.#ring ??= Buffer.alloc(JITTER_RING * this.#ringWidth))
    const place = (sequence % JITTER_RING) * this.#ringWidth
    if (!this.#jitter.push(sequence, place * 0x10000 + size)) return
    for (let index = 0; index < size; index++) ring[place + index] = bytes[start + index] as number
  }

  /** What waits in the narrow ring is given up: senders do not change the length of their packets from one to the next. */
  #widen(): void {
    this.#ringWidth = MAX_PAYLOAD
    this.#ring = undefined
    this.#jitter.reset()
  }

  /** Symmetric RTP: the first sender is followed at once, a changed address after enough packets. */
  #accepts(from: RemoteInfo): boolean {
    if (from.address === this.#host && from.port === this.localPort) return false
    if (from.port !== this.#strangerPort || from.address !== this.#strangerHost) {
      this.#strangerHost = from.address
      this.#strangerPort = from.port
      this.#strangerPackets = 0
    }
    const isQuiet = this.#reception.packets === 0 || this.#slot - this.#lastReceivedSlot > AUTO_ADJUST_QUIET_SLOTS
    if (this.#strangerPackets === 0 && !isQuiet) return false
    this.#strangerPackets++
    if (this.#strangerPackets < AUTO_ADJUST_PACKETS) return false
    this.#strangerPackets = 0
    this.#remoteHost = from.address
    this.#remotePort = from.port
    this.#remoteRtcpPort = from.port + 1
    this.#jitter.reset()
    this.#events.onRemoteChanged(from.address, from.port)
    return true
  }

  #report(digits: readonly ReceivedDigit[]): void {
    for (const digit of digits) this.#events.onDigit(digit)
  }

  #pullFrame(): void {
    if (this.#carry.length >= FRAME_SAMPLES) {
      this.#useFrame(this.#carry, 0)
      this.#carry = this.#carry.subarray(FRAME_SAMPLES)
      return
    }
    const kept = this.#jitter.pull()
    if (kept === undefined || kept === EVENT_PLACE || this.#ring === undefined) {
      this.#conceal(kept === EVENT_PLACE)
      return
    }
    const place = Math.floor(kept / 0x10000)
    const size = kept % 0x10000
    if (size === FRAME_SAMPLES && this.#carry.length === 0) this.#useFrame(this.#ring, place)
    else this.#assemble(this.#ring.subarray(place, place + size))
  }

  /** Packets of another length than 20 ms are cut into frames. */
  #assemble(payload: Uint8Array): void {
    let joined = Buffer.concat([this.#carry, payload])
    while (joined.length < FRAME_SAMPLES && this.#ring !== undefined) {
      const kept = this.#jitter.pull()
      if (kept === undefined || kept === EVENT_PLACE) break
      const place = Math.floor(kept / 0x10000)
      joined = Buffer.concat([joined, this.#ring.subarray(place, place + (kept % 0x10000))])
    }
    if (joined.length < FRAME_SAMPLES) {
      this.#carry = joined
      this.#conceal(false)
      return
    }
    joined.copy(this.#assembled, 0, 0, FRAME_SAMPLES)
    this.#carry = joined.subarray(FRAME_SAMPLES)
    this.#useFrame(this.#assembled, 0)
  }

  #useFrame(frame: Uint8Array, start: number): void {
    this.#readFrame = frame
    this.#readStart = start
    this.#lastFrame = frame
    this.#lastStart = start
    this.#missing = 0
  }

  /** A lost frame is repeated once; then there is silence, then nothing until the sender is back. */
  #conceal(isEvent: boolean): void {
    this.#missing++
    if (isEvent || this.#missing > CONCEAL_SLOTS) {
      if (!isEvent && this.#missing > CONCEAL_SLOTS * 5) return
      this.#assembled.fill(G711_SILENCE[this.#codec])
      this.#readFrame = this.#assembled
      this.#readStart = 0
      return
    }
    this.#readFrame = this.#lastFrame
    this.#readStart = this.#lastStart
  }

  readonly #onRtcp = (bytes: Buffer): void => {
    const items = parseRtcp(bytes)
    for (const item of items ?? []) {
      if (item.kind === 'sender-report') this.#reception.onSenderReport(item.ntpMiddle, performance.now())
      if (item.kind === 'sender-report' || item.kind === 'receiver-report') {
        this.#reportFromPeer = item.blocks.find(block => block.ssrc === this.ssrc) ?? this.#reportFromPeer
      }
    }
  }

  #sendReport(isBye: boolean): void {
    if (this.#remotePort === 0) return
    const block = this.#reception.report(performance.now())
    const sender =
      this.#sentPackets === 0
        ? undefined
        : {
            ntpMs: Date.now(),
            rtpTimestamp: (this.#timestampBase + this.#slot * FRAME_SAMPLES) >>> 0,
            packets: this.#sentPackets,
            octets: this.#sentPackets * FRAME_SAMPLES
          }
    const report = buildRtcpReport({
      ssrc: this.ssrc,
      cname: `freeswitch@${this.#host}`,
      isBye,
      ...(sender === undefined ? {} : { sender }),
      ...(block === undefined ? {} : { block })
    })
    this.#pair.rtcp.send(report, this.#remoteRtcpPort, this.#remoteHost)
  }
}

function scale(pcm: Int16Array, gain: number): void {
  for (let index = 0; index < pcm.length; index++) {
    pcm[index] = clip((pcm[index] as number) * gain)
  }
}
