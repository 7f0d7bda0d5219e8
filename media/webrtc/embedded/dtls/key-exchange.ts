import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { ALERT, HandshakeError, X25519 } from './handshake-messages.ts'

/** The SubjectPublicKeyInfo of an X25519 key up to its 32 bytes (RFC 8410 §4). */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex')

/** One side's fresh half of the key exchange. `agree` throws {@link HandshakeError} for keys that are none. */
export type KeyShare = Readonly<{ publicKey: Buffer; agree(peerKey: Buffer): Buffer }>

export function createKeyShare(group: number): KeyShare {
  return group === X25519 ? x25519() : secp256r1()
}

function x25519(): KeyShare {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(X25519_SPKI.length),
    agree(peerKey) {
      if (peerKey.length !== 32) throw new HandshakeError(ALERT.illegalParameter, 'no X25519 key')
      const peer = createPublicKey({ key: Buffer.concat([X25519_SPKI, peerKey]), format: 'der', type: 'spki' })
      // OpenSSL refuses keys of small order, as RFC 7748 §6.1 asks.
      return agreed(() => diffieHellman({ privateKey, publicKey: peer }))
    }
  }
}

function secp256r1(): KeyShare {
  const ecdh = createECDH('prime256v1')
  const publicKey = ecdh.generateKeys()
  // OpenSSL refuses points that are not on the curve.
  return { publicKey, agree: peerKey => agreed(() => ecdh.computeSecret(peerKey)) }
}

function agreed(compute: () => Buffer): Buffer {
  try {
    return compute()
  } catch {
    throw new HandshakeError(ALERT.illegalParameter, 'the key exchange was refused')
  }
}
