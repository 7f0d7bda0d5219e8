import { Ajv, type ValidateFunction } from 'ajv'
import type { BotTool, RequestOptions, RequestOutcome } from '../../../ivr-flows/host.ts'
import type { ModelTool, ModelToolCall } from '../model/language-model.ts'

export type ToolValue = string | number | boolean

/** A call of a tool that may be made. `confirm` is what the caller has to agree to first. */
export type PreparedCall = Readonly<{
  tool: BotTool
  values: Readonly<Record<string, ToolValue>>
  confirm: string | null
}>

export type ToolRefusalCode =
  /** The flow declares no such tool. */
  | 'TOOL_UNKNOWN'
  /** The arguments are no JSON or do not fit the schema. */
  | 'TOOL_ARGUMENTS'
  /** The value has not come from an answer to this caller in this call. */
  | 'TOOL_UNPROVEN'
  /** The same was asked before. */
  | 'TOOL_REPEATED'

export type Preparation =
  | Readonly<{ kind: 'ready'; call: PreparedCall }>
  | Readonly<{ kind: 'refused'; code: ToolRefusalCode; reason: string }>

export type ToolOutcome =
  | Readonly<{ kind: 'done'; content: string; status: number }>
  | Readonly<{ kind: 'failed'; code: string; status: number | null }>

const MAX_TEXT_CHARACTERS = 200
const MAX_ANSWER_BYTES = 65_536
/** What a model reads of an answer. */
const MAX_CONTENT_CHARACTERS = 4_000
const MAX_CALLS = 12
const PLACE = /\{([^{}]*)\}/g

/**
 * The tools of one conversation. Whose data a tool reaches is decided here and not by a model: facts come from the call,
 * and a value that must be proven is accepted only if an earlier answer, made for this caller, held it.
 */
export class ToolBox {
  readonly #tools: ReadonlyMap<string, BotTool>
  readonly #validators = new Map<string, ValidateFunction>()
  readonly #request: (options: RequestOptions, signal: AbortSignal) => Promise<RequestOutcome>
  readonly #proven = new Map<string, Set<string>>()
  readonly #made = new Set<string>()

  constructor(
    tools: readonly BotTool[],
    request: (options: RequestOptions, signal: AbortSignal) => Promise<RequestOutcome>
  ) {
    this.#tools = new Map(tools.map(tool => [tool.name, tool]))
    this.#request = request
    const ajv = new Ajv({ strict: false, allErrors: false })
    // Nothing beyond what is declared, whatever the schema's author left open.
    for (const tool of tools)
      this.#validators.set(tool.name, ajv.compile({ ...tool.parameters, additionalProperties: false }))
  }

  /** The tools as a model is told of them: without facts, addresses and headers. */
  get described(): readonly ModelTool[] {
    return [...this.#tools.values()].map(({ name, description, parameters }) => ({ name, description, parameters }))
  }

  /** What answers have proved to be this caller's, by kind. */
  get facts(): readonly Readonly<{ label: string; value: string }>[] {
    return [...this.#proven].flatMap(([label, values]) => [...values].map(value => ({ label, value })))
  }

  prepare({ name, arguments: given }: ModelToolCall): Preparation {
    const refused = (code: ToolRefusalCode, reason: string): Preparation => ({ kind: 'refused', code, reason })
    const tool = this.#tools.get(name)
    const isValid = this.#validators.get(name)
    if (tool === undefined || isValid === undefined) return refused('TOOL_UNKNOWN', 'There is no such tool.')
    const values = readArguments(given)
    if (values === null || !isValid(values) || !isPlain(values))
      return refused('TOOL_ARGUMENTS', 'The arguments do not fit the schema of the tool.')
    for (const [parameter, kind] of Object.entries(tool.proven)) {
      const value = values[parameter]
      if (value !== undefined && this.#proven.get(kind)?.has(String(value)) !== true)
        return refused('TOOL_UNPROVEN', `${parameter} is not known to belong to this caller. Look it up first.`)
    }
    const key = `${name} ${JSON.stringify(Object.entries(values).sort())}`
    if (this.#made.has(key) || this.#made.size >= MAX_CALLS)
      return refused('TOOL_REPEATED', 'This was asked before in this call.')
    const confirm = tool.changes ? fill(tool.confirm ?? '', values) : null
    // Without words to ask with, nothing is changed.
    if (confirm === '') return refused('TOOL_ARGUMENTS', 'The caller cannot be asked in this language.')
    return { kind: 'ready', call: { tool, values, confirm } }
  }

  /** Makes the call. One that changes something must have been agreed to before. */
  async run({ tool, values }: PreparedCall, signal: AbortSignal): Promise<ToolOutcome> {
    this.#made.add(`${tool.name} ${JSON.stringify(Object.entries(values).sort())}`)
    const all = { ...values, ...tool.facts }
    const url = addressOf(tool.url, all)
    if (url === null) return { kind: 'failed', code: 'BAD_VALUE', status: null }
    const hasBody = tool.method !== 'GET' && tool.method !== 'DELETE'
    const outcome = await this.#request(
      {
        method: tool.method,
        url,
        headers: { ...tool.headers, ...(hasBody && { 'content-type': 'application/json' }) },
        // What is in the address already need not be in the body, but does no harm there.
        ...(hasBody && { body: JSON.stringify(all) }),
        timeoutMs: tool.timeoutMs,
        maxBytes: MAX_ANSWER_BYTES
      },
      signal
    )
    if (outcome.kind === 'failed') return { kind: 'failed', code: outcome.code, status: null }
    const { status, body } = outcome
    if (status < 200 || status > 299) return { kind: 'failed', code: 'BAD_STATUS', status }
    for (const [kind, path] of Object.entries(tool.proves)) this.#prove(kind, valuesAt(body, path.split('.')))
    return { kind: 'done', content: JSON.stringify(body).slice(0, MAX_CONTENT_CHARACTERS), status }
  }

  #prove(kind: string, values: readonly string[]): void {
    const known = this.#proven.get(kind) ?? new Set()
    this.#proven.set(kind, known)
    for (const value of values) known.add(value)
  }
}

function readArguments(given: string): Record<string, unknown> | null {
  try {
    // Some servers send nothing at all for a tool without parameters.
    const value: unknown = given.trim() === '' ? {} : JSON.parse(given)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    // Models do write broken JSON; it is an outcome, answered by the caller of this function.
    return null
  }
}

function isPlain(values: Record<string, unknown>): values is Record<string, ToolValue> {
  return Object.values(values).every(value => {
    if (typeof value === 'string') return value.length <= MAX_TEXT_CHARACTERS && !/\p{Cc}/u.test(value)
    return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  })
}

function fill(text: string, values: Readonly<Record<string, ToolValue>>): string {
  return text.replace(PLACE, (_, name: string) => String(values[name] ?? ''))
}

/** Null when a value would lead to another path: `.` and `..` are steps in one, also when encoded (WHATWG URL §4.4). */
function addressOf(template: string, values: Readonly<Record<string, ToolValue>>): string | null {
  let isSafe = true
  const url = template.replace(PLACE, (_, name: string) => {
    const value = String(values[name] ?? '')
    if (/^\.{1,2}$/.test(value)) isSafe = false
    return encodeURIComponent(value)
  })
  if (!isSafe || !URL.canParse(url)) return null
  // An empty value leaves a path that may mean everything instead of one thing.
  const emptyInPath = [...(template.split('?')[0] ?? '').matchAll(PLACE)].some(([, name = '']) => !values[name])
  return emptyInPath ? null : url
}

/** Texts and numbers at a path such as `orders.*.id`; `*` is each element of a list. */
function valuesAt(value: unknown, path: readonly string[]): readonly string[] {
  const [step, ...rest] = path
  if (step === undefined) return typeof value === 'string' || typeof value === 'number' ? [String(value)] : []
  if (step === '*') return Array.isArray(value) ? value.flatMap(one => valuesAt(one, rest)) : []
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return []
  return valuesAt((value as Record<string, unknown>)[step], rest)
}
