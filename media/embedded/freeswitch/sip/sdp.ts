import type { G711Codec } from '../../../audio/g711.ts'

/** From the describing side's point of view (RFC 3264 §5.1). */
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** One m= section, as far as it is used. */
export type SdpMedia = Readonly<{
  kind: string
  port: number
  protocol: string
  formats: readonly string[]
  address: string
  direction: MediaDirection
  rtpmap: ReadonlyMap<number, string>
  rtcpPort: number | undefined
}>

/** What the two sides agreed on for the audio stream. */
export type AudioAgreement = Readonly<{
  codec: G711Codec
  payloadType: number
  telephoneEventType: number | undefined
  remote: Readonly<{ host: string; port: number; rtcpPort: number }> | undefined
  /** What this side does. */
  direction: MediaDirection
}>

/** Why an offer cannot be taken; every reason is answered with 488. */
export type SdpRefusal = 'no-audio' | 'several-audio-lines' | 'no-common-codec' | 'not-plain-rtp' | 'malformed'

export type SdpOutcome =
  | Readonly<{ kind: 'agreed'; agreement: AudioAgreement }>
  | Readonly<{ kind: 'refused'; why: SdpRefusal }>

const STATIC_NAMES: Readonly<Record<number, string>> = { 0: 'PCMU/8000', 8: 'PCMA/8000' }
const DIRECTIONS: readonly MediaDirection[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']
const MIRROR: Readonly<Record<MediaDirection, MediaDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive'
}

/** Parses a session description; undefined when it is none. */
export function parseSdp(text: string): readonly SdpMedia[] | undefined {
  if (!/^v=0\s*$/m.test(text.slice(0, 100))) return undefined
  const sections = text.split(/\r?\n(?=m=)/)
  const session = sections[0] ?? ''
  const sessionAddress = connectionAddress(session)
  const sessionDirection = direction(session) ?? 'sendrecv'
  const media: SdpMedia[] = []
  for (const section of sections.slice(1)) {
    const line = /^m=(\S+) (\d{1,5})(?:\/\d+)? (\S+) ?([^\r\n]*)/.exec(section)
    if (line === null || Number(line[2]) > 65_535) return undefined
    media.push({
      kind: line[1] as string,
      port: Number(line[2]),
      protocol: line[3] as string,
      formats: (line[4] ?? '').split(/\s+/).filter(format => format !== ''),
      address: connectionAddress(section) ?? sessionAddress ?? '',
      direction: direction(section) ?? sessionDirection,
      rtpmap: new Map(
        [...section.matchAll(/^a=rtpmap:(\d{1,3}) (\S+)/gm)].map(map => [Number(map[1]), map[2] as string])
      ),
      rtcpPort: numberOf(/^a=rtcp:(\d{1,5})/m.exec(section)?.[1])
    })
  }
  return media
}

function connectionAddress(section: string): string | undefined {
  return /^c=IN IP4 (\d{1,3}(?:\.\d{1,3}){3})/m.exec(section)?.[1]
}

function direction(section: string): MediaDirection | undefined {
  return DIRECTIONS.find(name => new RegExp(`^a=${name}\\s*$`, 'm').test(section))
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text !== undefined && value > 0 && value < 65_536 ? value : undefined
}

/** Decides on an offer or an answer of the other side: one audio line, PCMU or PCMA in the order they prefer. */
export function agreeOnAudio(text: string): SdpOutcome {
  const media = parseSdp(text)
  if (media === undefined) return { kind: 'refused', why: 'malformed' }
  const lines = media.filter(section => section.kind === 'audio')
  const [audio] = lines
  if (audio === undefined) return { kind: 'refused', why: 'no-audio' }
  // The real server takes no session with two audio streams.
  if (lines.length > 1) return { kind: 'refused', why: 'several-audio-lines' }
  if (audio.protocol !== 'RTP/AVP' && audio.protocol !== 'RTP/AVPF') return { kind: 'refused', why: 'not-plain-rtp' }
  const named = audio.formats.map(Number).filter(type => Number.isInteger(type) && type >= 0 && type < 128)
  const nameOf = (type: number) =>
    (audio.rtpmap.get(type) ?? STATIC_NAMES[type] ?? '').toUpperCase().replace(/\/1$/, '')
  const payloadType = named.find(type => nameOf(type) === 'PCMU/8000' || nameOf(type) === 'PCMA/8000')
  if (payloadType === undefined) return { kind: 'refused', why: 'no-common-codec' }
  const isReachable = audio.port > 0 && audio.address !== '' && audio.address !== '0.0.0.0'
  return {
    kind: 'agreed',
    agreement: {
      codec: nameOf(payloadType) === 'PCMU/8000' ? 'PCMU' : 'PCMA',
      payloadType,
      telephoneEventType: named.find(type => nameOf(type) === 'TELEPHONE-EVENT/8000'),
      remote: isReachable
        ? { host: audio.address, port: audio.port, rtcpPort: audio.rtcpPort ?? audio.port + 1 }
        : undefined,
      // A null address is the old way to hold (RFC 3264 §8.4): nothing is sent.
      direction: isReachable ? MIRROR[audio.direction] : 'inactive'
    }
  }
}

/** Where and as what this side describes itself. */
export type LocalMedia = Readonly<{ host: string; port: number; sessionId: number; version: number }>

/** The answer to `offer`: the agreed codec on the audio line, every other line refused with port 0. */
export function writeAnswer(offer: string, agreement: AudioAgreement, local: LocalMedia): string {
  const sections = (parseSdp(offer) ?? []).map(section =>
    section.kind === 'audio'
      ? audioSection(
          local.port,
          [[agreement.payloadType, agreement.codec]],
          agreement.telephoneEventType,
          agreement.direction
        )
      : [`m=${section.kind} 0 ${section.protocol} ${section.formats.join(' ') || '0'}`]
  )
  return sessionText(local, sections.flat())
}

/** An offer of both codecs and telephone-event, or of one codec that is already in use. */
export function writeOffer(
  local: LocalMedia,
  inUse: AudioAgreement | undefined,
  wanted: MediaDirection = 'sendrecv'
): string {
  const codecs: readonly (readonly [number, G711Codec])[] =
    inUse === undefined
      ? [
          [0, 'PCMU'],
          [8, 'PCMA']
        ]
      : [[inUse.payloadType, inUse.codec]]
  return sessionText(
    local,
    audioSection(local.port, codecs, inUse === undefined ? 101 : inUse.telephoneEventType, wanted)
  )
}

function audioSection(
  port: number,
  codecs: readonly (readonly [number, G711Codec])[],
  telephoneEventType: number | undefined,
  wanted: MediaDirection
): string[] {
  const formats = [...codecs.map(([type]) => type), ...(telephoneEventType === undefined ? [] : [telephoneEventType])]
  const lines = [`m=audio ${port} RTP/AVP ${formats.join(' ')}`]
  for (const [type, codec] of codecs) lines.push(`a=rtpmap:${type} ${codec}/8000`)
  if (telephoneEventType !== undefined) {
    lines.push(`a=rtpmap:${telephoneEventType} telephone-event/8000`, `a=fmtp:${telephoneEventType} 0-15`)
  }
  lines.push('a=ptime:20')
  if (wanted !== 'sendrecv') lines.push(`a=${wanted}`)
  return lines
}

function sessionText(local: LocalMedia, sections: readonly string[]): string {
  const lines = [
    'v=0',
    `o=FreeSWITCH ${local.sessionId} ${local.version} IN IP4 ${local.host}`,
    's=FreeSWITCH',
    `c=IN IP4 ${local.host}`,
    't=0 0',
    ...sections
  ]
  return `${lines.join('\r\n')}\r\n`
}
