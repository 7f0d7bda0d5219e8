import { createSecretKey, type KeyObject } from 'node:crypto'

const known = new WeakMap<Buffer, KeyObject>()

/**
 * The key as the crypto library wants to have it. Made anew for each use, that takes several times as long as sealing or hashing
 * something short. The bytes of a key are not to be changed.
 */
export function keyObjectOf(key: Buffer): KeyObject {
  let found = known.get(key)
  if (found === undefined) {
    found = createSecretKey(key)
    known.set(key, found)
  }
  return found
}
