/** An SRTP protection profile as DTLS-SRTP names it (RFC 5764 §4.1.2, RFC 7714 §14.2). Lengths in bytes. */
export type SrtpProfile = Readonly<{
  id: number
  name: 'AEAD_AES_128_GCM' | 'AES_CM_128_HMAC_SHA1_80'
  keyBytes: number
  saltBytes: number
}>

export const AEAD_AES_128_GCM: SrtpProfile = { id: 7, name: 'AEAD_AES_128_GCM', keyBytes: 16, saltBytes: 12 }
export const AES_CM_128_HMAC_SHA1_80: SrtpProfile = {
  id: 1,
  name: 'AES_CM_128_HMAC_SHA1_80',
  keyBytes: 16,
  saltBytes: 14
}

/** In order of preference: GCM needs one pass over a packet, the other two. */
export const SRTP_PROFILES: readonly SrtpProfile[] = [AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80]
