import { type Config, parseConfig } from './config.ts'
import { type Env, readEnv } from './env.ts'
import { loadSecrets, type Secrets } from './secrets.ts'

/** Reads, validates and freezes everything that the operator has set; `overrides` win over it. Throws ConfigError. */
export async function loadConfig(
  source?: Readonly<Record<string, string | undefined>>,
  overrides: Env = {}
): Promise<{ config: Config; secrets: Secrets }> {
  const { env: given, unknown } = readEnv(source)
  const env = { ...given, ...overrides }
  const config = parseConfig(env, unknown)
  return { config, secrets: await loadSecrets(env, config.dataDir) }
}
