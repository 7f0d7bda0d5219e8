import type { Prompt } from '../../ivr-flows/host.ts'
import type { PromptMaker, PromptRequest } from '../../media/prompts/prompt-library.ts'
import type { StreamedSpeech } from '../../media/prompts/streamed-speech.ts'
import type { FallOver } from '../../media/speech/recognizer.ts'
import type { Logger } from '../log.ts'

/** Waits for what is being made, which may take long; `plannedMs` of silence come before it anyway. */
export type Patience = <T>(making: Promise<T>, plannedMs: number, signal: AbortSignal) => Promise<T>

type Source = string | StreamedSpeech

/**
 * A prompt that is played while it, or what comes before it, is still being made. Its iteration fails with PromptError when it
 * cannot be made, also in the middle of a sentence.
 */
export class GrowingPrompt implements AsyncIterable<string> {
  readonly prompt: Prompt
  readonly #wait: () => Promise<Source>
  #startedAtMs: number | null = null

  constructor(prompt: Prompt, wait: () => Promise<Source>) {
    this.prompt = prompt
    this.#wait = wait
  }

  /** When its first file began, by `performance.now()`; null while nobody has heard it. */
  get startedAtMs(): number | null {
    return this.#startedAtMs
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    const source = await this.#wait()
    for await (const file of typeof source === 'string' ? [source] : source) {
      yield file
      // Whoever plays asks for the next file when this one begins.
      this.#startedAtMs ??= performance.now()
    }
    if (typeof source !== 'string' && source.failure !== null) throw source.failure
  }
}

/** Prompts that can be played, one after the other: all are there, or the first has begun to be made. */
export class PlayablePrompts implements AsyncDisposable {
  readonly sources: readonly (string | GrowingPrompt)[]
  readonly isMade: boolean
  readonly #dispose: () => Promise<void>

  constructor(sources: readonly (string | GrowingPrompt)[], isMade: boolean, dispose: () => Promise<void>) {
    this.sources = sources
    this.isMade = isMade
    this.#dispose = dispose
  }

  /** Nobody plays them any more. What was begun is made to its end: the next caller will want it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose()
  }
}

export type GrowingParts = Readonly<{
  library: PromptMaker
  patience: Patience
  onFallOver(change: FallOver): void
  log: Pick<Logger, 'warn'>
}>

/**
 * Gets prompts ready to be played: at once where all are there, and otherwise as soon as the first can be heard; the others are made
 * meanwhile. Rejects with PromptError when the first cannot be made.
 */
export async function growingPrompts(
  { library, patience, onFallOver, log }: GrowingParts,
  prompts: readonly Prompt[],
  signal: AbortSignal
): Promise<PlayablePrompts> {
  const found = await Promise.all(prompts.map(async prompt => await find(library, prompt)))
  const ready = found.filter(source => typeof source === 'string')
  if (ready.length === prompts.length) return new PlayablePrompts(ready, false, async () => {})
  const making = found.map(async source =>
    typeof source === 'string' ? source : await make(library, source, onFallOver, signal)
  )
  // Each is waited for when its turn comes.
  for (const one of making) one.catch(() => {})
  const over = new AbortController()
  const waiting: Promise<unknown>[] = []
  const dispose = async () => {
    over.abort(new Error('nobody waits for the prompt any more'))
    // What asks to wait is not to be heard over what comes next.
    await Promise.allSettled(waiting)
    for (const one of making) void letGo(one, log)
  }
  const sources = prompts.map((prompt, at) => {
    const before = prompts[at - 1]
    const plannedMs = before?.kind === 'silence' ? before.durationMs : 0
    return new GrowingPrompt(prompt, async () => {
      const waited = patience(making[at] ?? Promise.resolve(''), plannedMs, AbortSignal.any([signal, over.signal]))
      waiting.push(waited)
      return await waited
    })
  })
  try {
    await making[0]
  } catch (err) {
    await dispose()
    throw err
  }
  return new PlayablePrompts(sources, true, dispose)
}

/** The media server's source, or what has to be made. */
async function find(library: PromptMaker, prompt: Prompt): Promise<string | PromptRequest> {
  switch (prompt.kind) {
    case 'speech':
    case 'file':
      return (await library.find(prompt))?.source ?? prompt
    case 'url':
      return prompt.url
    case 'silence':
      return `silence_stream://${prompt.durationMs}`
    case 'tone':
      return `tone_stream://${prompt.spec}`
    default:
      return prompt satisfies never
  }
}

async function make(
  library: PromptMaker,
  request: PromptRequest,
  onFallOver: (change: FallOver) => void,
  signal: AbortSignal
): Promise<Source> {
  const { source, changes = [] } = await library.stream(request, signal, onFallOver)
  for (const change of changes) onFallOver(change)
  return source
}

/** Throws away the files of what was played while it was made, now or when it begins to be made. */
async function letGo(making: Promise<Source>, log: Pick<Logger, 'warn'>): Promise<void> {
  const source = await making.catch(() => '')
  if (typeof source === 'string') return
  try {
    await source[Symbol.asyncDispose]()
  } catch (err) {
    log.warn({ err }, 'a prompt that was played cannot be thrown away')
  }
}
