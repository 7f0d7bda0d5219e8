import { composeHoldMusic } from '../../../audio/hold-music.ts'
import { type EncodedSound, encodeSound } from './encoded-sound.ts'
let music: EncodedSound | undefined

/** Generated music for holding, 12 s that repeat without a break; made at first use. */
export function holdMusic(): EncodedSound {
  music ??= encodeSound(composeHoldMusic())
  return music
}
