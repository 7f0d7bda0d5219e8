import { parentPort, workerData } from 'node:worker_threads'
import { RouterError } from '../router-api.ts'
import { Core, type CoreOptions } from './core.ts'
import { goFirstWhenLate } from './go-first-when-late.ts'
import type { FromThread, ToThread } from './thread-messages.ts'

/** The thread's side: runs the stand-in with the options it was given, and does what it is asked until told to stop. */

if (parentPort === null) throw new Error('this file runs in a worker thread only')
const port = parentPort
const say = (message: FromThread) => port.postMessage(message)

try {
  const core = await Core.start(workerData as CoreOptions, {
    onState: (id, state) => say({ kind: 'state', id, state }),
    onRefused: (id, reason) => say({ kind: 'refused', id, reason }),
    onClosed: id => say({ kind: 'closed', id })
  })
  // Watching costs a hundred turns a second: not before there is a voice to carry.
  let stopWatching: (() => void) | undefined
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'call':
        stopWatching ??= goFirstWhenLate(err => say({ kind: 'raised', refusal: err?.message }))
        void answer(core, message)
        break
      case 'stop':
        stopWatching?.()
        void core[Symbol.asyncDispose]().then(() => port.close())
        break
      default:
        message satisfies never
    }
  })
  say({ kind: 'ready', ready: core.ready })
} catch (err) {
  const { message, stack } = err as Error
  say({ kind: 'failed', message, stack })
  port.close()
}

async function answer(core: Core, call: Extract<ToThread, { kind: 'call' }>): Promise<void> {
  try {
    // The asking side is typed by the same list of methods.
    const method = core[call.method] as (...parameters: readonly unknown[]) => unknown
    say({ kind: 'result', callId: call.callId, result: await method.apply(core, [...call.parameters]) })
  } catch (err) {
    const { message } = err as Error
    say({ kind: 'refusal', callId: call.callId, code: err instanceof RouterError ? err.code : 'SFU_REFUSED', message })
  }
}
