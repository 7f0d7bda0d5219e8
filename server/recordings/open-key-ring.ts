import { type KeyRing, ringFromFile, ringFromSetting } from './key-ring.ts'
import { ringFromService } from './key-service.ts'

/** The wrapping keys that the settings name: of a service, written out, or in a file that is made on first use. */
export async function openKeyRing(
  settings: Readonly<{
    service: string | null
    token: string | undefined
    written: string | undefined
    file: string
  }>
): Promise<KeyRing> {
  const { service, token, written, file } = settings
  if (service !== null) return await ringFromService({ url: service, token: token ?? null })
  return written === undefined ? await ringFromFile(file) : ringFromSetting(written)
}
