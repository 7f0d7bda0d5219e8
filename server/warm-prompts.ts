import { checkStructure } from '../ivr-flows/check/structure.ts'
import type { Flow } from '../ivr-flows/flow.ts'
import type { Prompts } from '../ivr-flows/parts.ts'
import { promptItems } from '../ivr-flows/prompts.ts'
import { flowSchema } from '../ivr-flows/schema.ts'
import { splitTemplate } from '../ivr-flows/template.ts'
import type { PromptLibrary, PromptRequest } from '../media/prompts/prompt-library.ts'
import { PromptError } from '../media/prompts/synthesizer.ts'
import type { Db } from '../sql/database.ts'
import type { FlowLibrary } from './flow-library.ts'
import type { Logger } from './log.ts'

/** Every spoken prompt of a flow that does not depend on the call. */
export function fixedPrompts(flow: Flow): readonly PromptRequest[] {
  const { roles } = checkStructure(flowSchema, flow)
  return roles
    .filter(({ role }) => role === 'prompt')
    .flatMap(({ value }) => promptItems(value as Prompts))
    .flatMap(({ text, language, recorded }): PromptRequest[] => {
      if (text === undefined) return []
      const texts = typeof text === 'string' ? { [language ?? flow.defaultLanguage]: text } : text
      return Object.entries(texts)
        .filter(([, words]) => splitTemplate(words)?.every(part => part.kind === 'text') === true)
        .map(([tag, words]) => ({
          kind: 'speech',
          text: words.trim(),
          language: tag,
          ...(recorded !== undefined && { recorded })
        }))
    })
}

/**
 * Makes the fixed prompts of published flows before a caller waits for them, one after the other in the background.
 * A prompt that cannot be made is a warning now and the flow's failure branch later.
 */
export class PromptWarmer implements AsyncDisposable {
  readonly #db: Db
  readonly #flows: FlowLibrary
  readonly #prompts: PromptLibrary
  readonly #log: Logger
  readonly #closing = new AbortController()
  readonly #done = new Set<string>()
  #running: Promise<void> = Promise.resolve()

  constructor(db: Db, flows: FlowLibrary, prompts: PromptLibrary, log: Logger) {
    this.#db = db
    this.#flows = flows
    this.#prompts = prompts
    this.#log = log
  }

  /** Looks for published versions that were not warmed yet. */
  start(): void {
    this.#running = this.#running.then(() => this.#warm()).catch(err => this.#complain(err))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #warm(): Promise<void> {
    const rows = await this.#db.selectFrom('flows').select('id').where('published_version', 'is not', null).execute()
    for (const { id } of rows) {
      const runnable = await this.#flows.published(id)
      const key = `${id}@${runnable?.version}`
      if (runnable === null || this.#done.has(key)) continue
      for (const prompt of fixedPrompts(runnable.flow)) {
        if (this.#closing.signal.aborted) return
        await this.#prompts.prepare(prompt, this.#closing.signal).catch(err => this.#complain(err))
      }
      this.#done.add(key)
    }
  }

  #complain(err: unknown): void {
    if (this.#closing.signal.aborted) return
    if (err instanceof PromptError)
      this.#log.warn({ err, code: err.code }, 'a prompt of a published flow cannot be made')
    else this.#log.error({ err }, 'the prompts of published flows cannot be made ahead')
  }
}
