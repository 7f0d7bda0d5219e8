import type { Prompt } from '../../ivr-flows/host.ts'
import type { PromptLibrary } from '../../media/prompts/prompt-library.ts'

/**
 * The media server's sources for prompts, made where they have to be. Rejects with PromptError when one cannot be made.
 * `isMade` tells whether any was not ready.
 */
export async function promptSources(
  library: PromptLibrary,
  prompts: readonly Prompt[],
  signal: AbortSignal
): Promise<Readonly<{ sources: readonly string[]; isMade: boolean }>> {
  let isMade = false
  const sources = await Promise.all(
    prompts.map(async prompt => {
      switch (prompt.kind) {
        case 'speech':
        case 'file': {
          const ready = await library.prepare(prompt, signal)
          if (ready.origin === 'made') isMade = true
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
  return { sources, isMade }
}
