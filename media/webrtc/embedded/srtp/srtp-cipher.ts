/**
 * How one direction's packets are sealed and opened, whatever the profile. An RTP packet's `index` has 48 bits (roll-over
 * counter and sequence number), an RTCP packet's 31. `open…` give undefined for packets that were not sealed with the
 * same keys. Sealed RTP is `| header | payload | tag |`; sealed RTCP is told in each profile.
 */
export interface SrtpCipher {
  sealRtp(packet: Buffer, headerBytes: number, index: number): Buffer
  /** The payload. */
  openRtp(packet: Buffer, headerBytes: number, index: number): Buffer | undefined
  sealRtcp(packet: Buffer, index: number): Buffer
  /** The compound packet and its index, which it carries. */
  openRtcp(packet: Buffer): Readonly<{ packet: Buffer; index: number }> | undefined
}

export const RTCP_HEADER_BYTES = 8
/** The E bit: the packet is encrypted. */
export const ENCRYPTED = 0x8000_0000
