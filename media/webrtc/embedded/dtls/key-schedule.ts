import { createHash, createHmac } from 'node:crypto'

/** RFC 5246 §5: P_SHA256(secret, label + seed), `length` bytes of it. */
export function pseudoRandom(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const labelAndSeed = Buffer.concat([Buffer.from(label, 'ascii'), seed])
  const blocks: Buffer[] = []
  let a = labelAndSeed
  for (let made = 0; made < length; made += 32) {
    a = createHmac('sha256', secret).update(a).digest()
    blocks.push(createHmac('sha256', secret).update(a).update(labelAndSeed).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

export function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

/** RFC 7627 §4: bound to the handshake so far, so that two connections never share it. */
export function extendedMasterSecret(preMasterSecret: Buffer, sessionHash: Buffer): Buffer {
  return pseudoRandom(preMasterSecret, 'extended master secret', sessionHash, 48)
}

export type RecordKeys = Readonly<{ clientKey: Buffer; serverKey: Buffer; clientSalt: Buffer; serverSalt: Buffer }>

/** The record layer's keys for AES-128-GCM (RFC 5246 §6.3, RFC 5288 §3: no MAC keys). */
export function recordKeys(masterSecret: Buffer, clientRandom: Buffer, serverRandom: Buffer): RecordKeys {
  const block = pseudoRandom(masterSecret, 'key expansion', Buffer.concat([serverRandom, clientRandom]), 40)
  return {
    clientKey: block.subarray(0, 16),
    serverKey: block.subarray(16, 32),
    clientSalt: block.subarray(32, 36),
    serverSalt: block.subarray(36, 40)
  }
}

/** What a side's Finished message must hold: 12 bytes over everything said before (RFC 5246 §7.4.9). */
export function finishedData(masterSecret: Buffer, side: 'client' | 'server', transcriptHash: Buffer): Buffer {
  return pseudoRandom(masterSecret, `${side} finished`, transcriptHash, 12)
}

export type SrtpKeys = Readonly<{ clientKey: Buffer; serverKey: Buffer; clientSalt: Buffer; serverSalt: Buffer }>

/** RFC 5764 §4.2, with the lengths of the chosen profile in bytes. */
export function srtpKeys(
  masterSecret: Buffer,
  clientRandom: Buffer,
  serverRandom: Buffer,
  keyBytes: number,
  saltBytes: number
): SrtpKeys {
  const seed = Buffer.concat([clientRandom, serverRandom])
  const block = pseudoRandom(masterSecret, 'EXTRACTOR-dtls_srtp', seed, 2 * (keyBytes + saltBytes))
  return {
    clientKey: block.subarray(0, keyBytes),
    serverKey: block.subarray(keyBytes, 2 * keyBytes),
    clientSalt: block.subarray(2 * keyBytes, 2 * keyBytes + saltBytes),
    serverSalt: block.subarray(2 * keyBytes + saltBytes)
  }
}
