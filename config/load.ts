import { type Config, parseConfig } from './config.ts'
import { readEnv } from './env.ts'
import { loadSecrets, type Secrets } from './secrets.ts'

/** Reads, validates and freezes everything that the operator has set. Throws ConfigError. */
export async function loadConfig(
  source?: Readonly<Record<string, string | undefined>>
): Promise<{ config: Config; secrets: Secrets }> {
  const { env, unknown } = readEnv(source)
  const config = parseConfig(env, unknown)
  return { config, secrets: await loadSecrets(env, config.dataDir) }
}
