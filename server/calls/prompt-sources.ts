import type { Prompt } from '../../ivr-flows/host.ts'
import type { PromptMaker } from '../../media/prompts/prompt-library.ts'
import type { FallOver } from '../../media/speech/recognizer.ts'

/**
 * The media server's sources for prompts, made where they have to be. Rejects with PromptError when one cannot be made.
 * `isMade` tells whether any was not ready, `changes` which voices failed and who spoke instead.
 */
export async function promptSources(
  library: PromptMaker,
  prompts: readonly Prompt[],
  signal: AbortSignal
): Promise<Readonly<{ sources: readonly string[]; isMade: boolean; changes: readonly FallOver[] }>> {
  let isMade = false
  const changes: FallOver[] = []
  const sources = await Promise.all(
    prompts.map(async prompt => {
      switch (prompt.kind) {
        case 'speech':
        case 'file': {
          const ready = await library.prepare(prompt, signal)
          if (ready.origin === 'made') isMade = true
          changes.push(...(ready.changes ?? []))
          return ready.source
        }
        case 'url':
          return prompt.url
        case 'silence':
          return `silence_stream://${prompt.durationMs}`
        case 'tone':
          return `tone_stream://${prompt.spec}`
        default:
          return prompt satisfies never
      }
    })
  )
  return { sources, isMade, changes }
}
