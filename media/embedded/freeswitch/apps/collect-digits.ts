import { splitArguments } from '../arguments.ts'
import type { Channel } from '../channel.ts'
import type { AppRun } from '../executor.ts'
import { playFiles } from './playback.ts'

const BUFFER_DIGITS = 127

/** How one round of collecting ended. */
type ReadStatus = 'success' | 'timeout' | 'too-small' | 'restart'

type ReadOptions = Readonly<{
  min: number
  max: number
  file: string
  variable: string
  timeoutMs: number
  terminators: string
  digitTimeoutMs: number
}>

type ReadResult = { status: ReadStatus; digits: string }

/** `play_and_get_digits min max tries timeout terminators file invalid_file variable regexp [digit_timeout]`. */
export async function playAndGetDigits(run: AppRun): Promise<void> {
  const { channel } = run
  const args = splitArguments(run.data)
  const number = (index: number, fallback: number) => Math.trunc(Number(args[index])) || fallback
  const min = Math.max(0, number(0, 0))
  const variable = args[7] ?? ''
  const invalidVariable = `${variable}_invalid`
  const regexp = args[8] ?? ''
  const options: ReadOptions = {
    min,
    max: Math.min(BUFFER_DIGITS, Math.max(min, number(1, 0))),
    timeoutMs: Math.max(1_000, number(3, 1_000)),
    terminators: args[4] === undefined || args[4] === '' ? '#' : args[4],
    file: args[5] ?? '',
    variable,
    digitTimeoutMs: number(9, 0)
  }
  const pattern = compilePattern(regexp)
  if (regexp !== '' && variable !== '') channel.set(invalidVariable, undefined)
  for (let tries = number(2, 0); tries > 0 && channel.isUp; tries--) {
    const { status, digits } = await readDigits(run, options)
    if (status === 'restart') return
    if (options.min === 0 && digits === '' && channel.get('read_terminator_used') !== undefined) return
    const isEnough = status === 'success' || (status === 'timeout' && digits.length >= options.min)
    if (isEnough && digits !== '') {
      if (pattern === undefined || pattern.test(digits)) return
      channel.set(variable, undefined)
      channel.set(invalidVariable, digits)
    }
    if (!channel.isUp) return
    const invalidFile = args[6] ?? ''
    if (invalidFile !== '' && invalidFile !== 'silence') await playFiles(run, invalidFile)
  }
}

/** `read min max file variable timeout terminators [digit_timeout]`. */
export async function read(run: AppRun): Promise<void> {
  const args = splitArguments(run.data)
  const number = (index: number, fallback: number) => Math.trunc(Number(args[index])) || fallback
  const min = Math.max(0, number(0, 0))
  await readDigits(run, {
    min,
    max: Math.min(BUFFER_DIGITS, Math.max(min, number(1, 0))),
    file: args[2] ?? '',
    variable: args[3] ?? '',
    timeoutMs: Math.max(1_000, number(4, 1_000)),
    terminators: args[5] ?? '#',
    digitTimeoutMs: number(6, 0)
  })
}

/** A pattern of the caller's side; one that cannot be compiled matches nothing, as with the real server. */
function compilePattern(regexp: string): RegExp | undefined {
  if (regexp === '') return undefined
  try {
    return new RegExp(regexp.replace(/\\\\/g, '\\'))
  } catch {
    return /(?!)/
  }
}

async function readDigits(run: AppRun, options: ReadOptions): Promise<ReadResult> {
  const { channel } = run
  channel.set('read_result', undefined)
  channel.set('read_terminator_used', undefined)
  if (options.variable !== '') channel.set(options.variable, undefined)
  const collected: string[] = []
  if (options.file !== '' && options.file.toLowerCase() !== 'silence') {
    const outcome = await playFiles(run, options.file, { onDigits: target => takeFirst(target, collected) })
    if (outcome === 'not-found') return { status: 'too-small', digits: '' }
  }
  const ended = await collect(run, options, collected)
  const digits = finish(channel, options, collected, ended.terminator)
  let status: ReadStatus = ended.status
  if (ended.terminator === undefined && options.terminators.startsWith('=')) status = 'too-small'
  if (digits.length < options.min) status = 'too-small'
  if (isRestart(options.terminators, ended.terminator)) status = 'restart'
  channel.set('read_result', status === 'success' ? 'success' : status === 'timeout' ? 'timeout' : 'failure')
  if (options.variable !== '' && digits !== '') channel.set(options.variable, digits)
  return { status, digits }
}

function takeFirst(channel: Channel, collected: string[]): boolean {
  const digit = channel.digits.shift()
  if (digit === undefined) return false
  collected.push(digit)
  return true
}

/** A terminator preceded by `x` in the list asks for the whole collection to be given up. */
function isRestart(terminators: string, terminator: string | undefined): boolean {
  const at = terminator === undefined ? -1 : terminators.indexOf(terminator)
  return at > 0 && terminators[at - 1] === 'x'
}

function finish(
  channel: Channel,
  options: ReadOptions,
  collected: readonly string[],
  terminator: string | undefined
): string {
  let digits = collected.join('')
  if (terminator !== undefined) {
    channel.set('read_terminator_used', terminator)
    const before = options.terminators[options.terminators.indexOf(terminator) - 1]
    // `+` and `x` before a terminator keep it as the last digit.
    if (before === '+' || before === 'x') digits += terminator
  }
  return digits
}

type CollectEnd = Readonly<{ status: 'success' | 'timeout'; terminator: string | undefined }>

/** Gathers keys until there are enough, a terminator comes, or time runs out. */
function collect(run: AppRun, options: ReadOptions, collected: string[]): Promise<CollectEnd> {
  const { channel } = run
  const digitTimeoutMs = options.digitTimeoutMs > 0 ? options.digitTimeoutMs : options.timeoutMs
  // A terminator pressed during the prompt ends the collection at once.
  const early = collected.findIndex(digit => options.terminators.includes(digit))
  if (early >= 0) {
    const terminator = collected[early]
    collected.length = early
    return Promise.resolve({ status: 'success', terminator })
  }
  if (collected.length >= options.max) return Promise.resolve({ status: 'success', terminator: undefined })
  return new Promise(resolve => {
    let timer: NodeJS.Timeout
    const end = (status: 'success' | 'timeout', terminator?: string) => {
      clearTimeout(timer)
      channel.signal.removeEventListener('abort', stop)
      run.onDigits = undefined
      run.onBreak = undefined
      resolve({ status, terminator })
    }
    const stop = () => end('timeout')
    const wait = (ms: number) => {
      clearTimeout(timer)
      timer = setTimeout(stop, ms)
    }
    channel.signal.addEventListener('abort', stop)
    run.onBreak = stop
    run.onDigits = () => {
      for (;;) {
        const digit = channel.digits.shift()
        if (digit === undefined) break
        if (options.terminators.includes(digit)) return end('success', digit)
        collected.push(digit)
        if (collected.length >= options.max) return end('success')
      }
      wait(digitTimeoutMs)
    }
    wait(collected.length > 0 ? digitTimeoutMs : options.timeoutMs)
    run.begun()
    if (!channel.isUp) stop()
  })
}
