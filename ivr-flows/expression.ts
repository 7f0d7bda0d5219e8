import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import vm from 'node:vm'
import type { Json } from './json.ts'

/** Longest time that one evaluation may take, in milliseconds. */
export const EVALUATION_LIMIT_MS = 100
/** Largest value that an expression may give, in characters of JSON. */
const MAX_OUTPUT = 256 * 1024

/** An expression is judged too slow when it had at least this share of the limit for itself. */
const GUILTY_SHARE = 0.7
/** How often an expression that was stopped for no fault of its own is tried. */
const MAX_ATTEMPTS = 8

export type ExpressionErrorCode =
  | 'EXPRESSION_SYNTAX'
  | 'EXPRESSION_FAILED'
  | 'EXPRESSION_TOO_SLOW'
  | 'EXPRESSION_TOO_LARGE'

/** An expression that cannot be read or evaluated. The message never holds values: they may be personal. */
export class ExpressionError extends Error {
  readonly code: ExpressionErrorCode

  constructor(code: ExpressionErrorCode, message: string) {
    super(message)
    this.name = 'ExpressionError'
    this.code = code
  }
}

/** What expressions see. `now` and `call.startedAt` are ISO 8601 in UTC. */
export type Scope = Readonly<{
  vars: Readonly<Record<string, Json>>
  call: Readonly<{
    id: string
    callerNumber: string
    calledNumber: string
    language: string
    direction: 'inbound' | 'outbound'
    startedAt: string
  }>
  now: string
  result: Json
}>

export type SyntaxProblem = Readonly<{ message: string; offset: number }>

/**
 * JSONata lives in a context of its own, where V8 stops it after the limit wherever it is, in a regular expression too,
 * and where clock and random numbers are set, so that the same input always gives the same output.
 */
class Sandbox {
  readonly #globals: Record<string, unknown>

  constructor() {
    this.#globals = vm.createContext(Object.create(null), {
      codeGeneration: { strings: false, wasm: false }
    }) as Record<string, unknown>
    library.runInContext(this.#globals)
    setUp.runInContext(this.#globals)
  }

  evaluate(text: string, scope: Scope): string | undefined {
    this.#globals['text'] = text
    this.#globals['input'] = JSON.stringify(scope)
    this.#globals['clock'] = Date.parse(scope.now)
    evaluation.runInContext(this.#globals, { timeout: EVALUATION_LIMIT_MS })
    const { output, failure } = this.#globals
    if (failure === 'TOO_LARGE') throw tooLarge(text)
    if (typeof failure === 'string') {
      throw new ExpressionError('EXPRESSION_FAILED', `“${shorten(text)}” cannot be evaluated (${failure})`)
    }
    return typeof output === 'string' ? output : undefined
  }

  check(texts: readonly string[]): (SyntaxProblem | null)[] {
    this.#globals['input'] = JSON.stringify(texts)
    checking.runInContext(this.#globals, { timeout: 20 * EVALUATION_LIMIT_MS })
    return JSON.parse(String(this.#globals['output'])) as (SyntaxProblem | null)[]
  }
}

/**
 * JSONata's source with the promises taken out. It awaits only so that functions given from outside may be asynchronous,
 * and none is given here. Without promises evaluation is one ordinary call, which makes the step of a flow synchronous;
 * and it must be, for V8 to stop it: a promise job that is stopped leaves Node's asynchronous hooks in disorder, which
 * ends the process.
 */
function synchronousSource(): string {
  const source = readFileSync(createRequire(import.meta.url).resolve('jsonata'), 'utf8')
    .replaceAll('await Promise.all(', '(')
    .replaceAll(/\bawait /g, '')
    .replaceAll(/\basync (?=function\b|\()/g, '')
  if (/\b(await|Promise)\b|\basync (function|\()/.test(source.replaceAll(/\/\/.*|\bisPromise\b/g, ''))) {
    throw new Error('this version of jsonata cannot be made synchronous')
  }
  return source
}

const library = new vm.Script(`var module = { exports: {} }, exports = module.exports;\n${synchronousSource()}`)

const setUp = new vm.Script(`
  var jsonata = module.exports, compiled = new Map(), text, input, output, failure, clock = 0, seed = 1
  Math.random = () => { seed = (seed * 48271) % 2147483647; return seed / 2147483647 }
  Date = class extends Date {
    constructor(...parts) { if (parts.length === 0) super(clock); else super(...parts) }
    static now() { return clock }
  }
  function compile(source) {
    let expression = compiled.get(source)
    if (expression === undefined) {
      expression = jsonata(source)
      if (compiled.size >= 2000) compiled.delete(compiled.keys().next().value)
      compiled.set(source, expression)
    }
    return expression
  }
  // V8 cannot be stopped while it copies one huge text, so texts of such length are refused before they are copied.
  const join = Array.prototype.join
  Array.prototype.join = function (separator) {
    if (this.length > 1e6) throw new RangeError('too long')
    return join.call(this, separator)
  }
  function isSmall(value) {
    let budget = ${MAX_OUTPUT}
    const pending = [value]
    while (pending.length > 0 && budget > 0) {
      const next = pending.pop()
      budget -= typeof next === 'string' ? next.length : 1
      if (typeof next === 'object' && next !== null) {
        const keys = Object.keys(next)
        budget -= keys.length
        for (const key of keys) pending.push(next[key])
      }
    }
    return budget > 0
  }
  function run() {
    output = failure = undefined
    seed = 1 + Math.abs(clock % 2147483646)
    try {
      const value = compile(text).evaluate(JSON.parse(input))
      if (isSmall(value)) output = JSON.stringify(value)
      else failure = 'TOO_LARGE'
    } catch (error) { failure = String(error.code ?? 'failed') }
  }
  function check() {
    output = JSON.stringify(JSON.parse(input).map(source => {
      try { jsonata(source); return null }
      catch (error) {
        // The position is where the unfitting word ends; people look for where it begins.
        const word = typeof error.token === 'string' && error.token !== '(end)' ? error.token.length : 0
        return { message: String(error.message), offset: Math.max(0, Number(error.position ?? 0) - word) }
      }
    }))
  }
`)
const evaluation = new vm.Script('run()')
const checking = new vm.Script('check()')

let sandbox: Sandbox | undefined

/**
 * Evaluates a JSONata expression. Gives `undefined` when the expression selects nothing.
 * @throws {ExpressionError} when it cannot be read, fails, takes longer than 100 ms or gives too much.
 */
export function evaluate(text: string, scope: Scope): Json | undefined {
  const direct = selectPath(text, scope)
  if (direct.isKnown) return direct.value
  const output = inSandbox(box => box.evaluate(text, scope), text)
  if (output === undefined) return undefined
  if (output.length > MAX_OUTPUT) throw tooLarge(text)
  return JSON.parse(output) as Json
}

/** Whether a condition holds, by JSONata's rules for truth. */
export function holds(text: string, scope: Scope): boolean {
  return evaluate(`$boolean((${text}\n))`, scope) === true
}

/** Expressions that were found well formed: an editor checks the same flow again and again. */
const wellFormed = new Set<string>()
const MAX_WELL_FORMED = 10_000

/** Reads expressions without evaluating them; gives null for each that is well formed. */
export function checkSyntax(texts: readonly string[]): (SyntaxProblem | null)[] {
  const unknown = texts.filter(text => !wellFormed.has(text))
  const problems = new Map(readAll(unknown).map((problem, index) => [unknown[index] ?? '', problem]))
  if (wellFormed.size + unknown.length > MAX_WELL_FORMED) wellFormed.clear()
  for (const [text, problem] of problems) if (problem === null) wellFormed.add(text)
  return texts.map(text => problems.get(text) ?? null)
}

function readAll(texts: readonly string[]): (SyntaxProblem | null)[] {
  if (texts.length === 0) return []
  try {
    return inSandbox(box => box.check(texts), 'expressions')
  } catch (err) {
    if (!(err instanceof ExpressionError)) throw err
    if (texts.length === 1) return [{ message: err.message, offset: 0 }]
    // One of many took too long: judge each alone, so that only the guilty one is reported.
    return texts.flatMap(text => readAll([text]))
  }
}

function inSandbox<T>(use: (box: Sandbox) => T, text: string): T {
  for (let attempt = 1; ; attempt += 1) {
    sandbox ??= new Sandbox()
    const before = process.threadCpuUsage()
    try {
      return use(sandbox)
    } catch (err) {
      if (err instanceof ExpressionError) throw err
      // Stopped in the middle of its work, the context is not to be trusted any more.
      sandbox = undefined
      if (!isTimeout(err)) throw new ExpressionError('EXPRESSION_FAILED', `“${shorten(text)}” cannot be evaluated`)
      const { user, system } = process.threadCpuUsage(before)
      const workedMs = (user + system) / 1_000
      // The limit is by the clock on the wall. On a machine that had no time for this thread, that proves nothing.
      const isGuilty = workedMs >= EVALUATION_LIMIT_MS * GUILTY_SHARE
      if (isGuilty || attempt === MAX_ATTEMPTS) {
        throw new ExpressionError(
          'EXPRESSION_TOO_SLOW',
          `“${shorten(text)}” takes longer than ${EVALUATION_LIMIT_MS} ms`
        )
      }
    }
  }
}

const PATH = /^\s*(vars|call|result|now)((?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*$/

/** Most expressions only name a value; those need no sandbox. Lists are left to JSONata, which maps over them. */
function selectPath(text: string, scope: Scope): { isKnown: boolean; value?: Json } {
  const match = PATH.exec(text)
  if (match === null) return { isKnown: false }
  let value: unknown = scope[match[1] as keyof Scope]
  for (const step of (match[2] ?? '').split('.').slice(1)) {
    if (Array.isArray(value)) return { isKnown: false }
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return { isKnown: true }
    value = (value as Record<string, unknown>)[step]
  }
  return { isKnown: true, value: value as Json }
}

function tooLarge(text: string): ExpressionError {
  return new ExpressionError('EXPRESSION_TOO_LARGE', `“${shorten(text)}” gives too much`)
}

function isTimeout(err: unknown): boolean {
  return (err as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}
