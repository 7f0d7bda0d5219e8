import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** Keys whose values are personal or secret; they are cut out wherever they stand in a log object. */
const PERSONAL_KEYS = [
  'callerNumber',
  'calledNumber',
  'number',
  'digits',
  'callerName',
  'transcript',
  'text',
  'password',
  'token',
  'secret',
  'authorization',
  'cookie'
]

export type Loggers = Readonly<Record<(typeof SUBSYSTEMS)[number], Logger>>

const SUBSYSTEMS = [
  'app',
  'http',
  'telephony',
  'calls',
  'media',
  'flows',
  'database',
  'jobs',
  'prompts',
  'quality',
  'privacy'
] as const

/**
 * One logger for each subsystem. Messages are static; data goes into the object; errors go in as `err`.
 * error: someone must act. warn: odd but handled. info: one line for each step of a call. debug: protocol.
 */
export function createLoggers(level: string, destination?: NodeJS.WritableStream): Loggers {
  const options = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: PERSONAL_KEYS.flatMap(key => [key, `*.${key}`]), censor: '[personal]' },
    formatters: { level: (label: string) => ({ level: label }) }
  }
  const root = destination === undefined ? pino(options) : pino(options, destination)
  return Object.fromEntries(SUBSYSTEMS.map(name => [name, root.child({ subsystem: name })])) as unknown as Loggers
}
