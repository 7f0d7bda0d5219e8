import { createCipheriv } from 'node:crypto'

/** RFC 3711 §4.3.1 labels. */
const LABEL = {
  rtp: { key: 0, auth: 1, salt: 2 },
  rtcp: { key: 3, auth: 4, salt: 5 }
} as const

const AUTH_KEY_BYTES = 20

export type SessionKeys = Readonly<{ key: Buffer; auth: Buffer; salt: Buffer }>

/**
 * A session's keys from the master key (16 bytes) and master salt (14 bytes, or 12 for GCM), for a key derivation rate of
 * zero (RFC 3711 §4.3). The session salt is as long as the master salt.
 */
export function deriveSessionKeys(masterKey: Buffer, masterSalt: Buffer, kind: 'rtp' | 'rtcp'): SessionKeys {
  const label = LABEL[kind]
  return {
    key: derive(masterKey, masterSalt, label.key, masterKey.length),
    auth: derive(masterKey, masterSalt, label.auth, AUTH_KEY_BYTES),
    salt: derive(masterKey, masterSalt, label.salt, masterSalt.length)
  }
}

function derive(masterKey: Buffer, masterSalt: Buffer, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16)
  // A 12-byte salt stands left as well: libsrtp and BoringSSL fill it with zeros to 14 bytes.
  masterSalt.copy(counter)
  counter[7] = (counter[7] as number) ^ label
  return createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(length))
}
