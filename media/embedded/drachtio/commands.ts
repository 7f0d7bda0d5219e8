import type { Application } from './applications.ts'
import type { Core } from './core/core.ts'
import { respond } from './core/incoming.ts'
import { sendCancel, sendOutside } from './core/outgoing.ts'
import { ProxiedRequest } from './core/proxy.ts'
import { callIdOf } from './sip/message.ts'
import { METHODS } from './sip/validate.ts'
import { sendWithin } from './core/within.ts'
import type { ClientMessage, ClientSip } from './wire/client-message.ts'
import { responsePayload } from './wire/server-message.ts'

/** What a command finds around it. */
export type CommandContext = Readonly<{
  core: Core
  application: Application
  secret: string
  /** `tcp/host:port,udp/host:port` and the version, as `authenticate` answers them. */
  hostports: string
  version: string
}>

/** How far a command of drachtio's client protocol is served. */
export type CommandStatus = 'done' | 'partly' | 'refused'
type Command = Readonly<{
  status: CommandStatus
  note: string
  /** Returns false when the connection must be closed, as drachtio-server does after an error. */
  run: (context: CommandContext, message: ClientMessage) => boolean
}>

const EMPTY_SIP: ClientSip = { startLine: '', headers: [], body: Buffer.alloc(0) }
const METHOD_NAMES: ReadonlySet<string> = new Set(METHODS.map(method => method.toLowerCase()))

function answer(context: CommandContext, message: ClientMessage, verdict: 'OK' | 'NO' | 'NOK', text?: string): void {
  context.application.send(responsePayload(message.id, verdict, text))
}

/** Every command that a drachtio client can send. The README of this folder shows the same table. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  authenticate: {
    status: 'done',
    note: 'answers host-ports, version and local host-ports; tags are taken and not used',
    run(context, message) {
      if (message.args[0] !== context.secret) {
        answer(context, message, 'NO', 'incorrect secret')
        return false
      }
      context.application.authenticated = true
      answer(context, message, 'OK', `${context.hostports}|${context.version}|${context.hostports}`)
      return true
    }
  },
  ping: {
    status: 'done',
    note: '',
    run(context, message) {
      answer(context, message, 'OK', 'pong')
      return true
    }
  },
  route: {
    status: 'partly',
    note: 'SIP methods, round robin over the applications; `cdr:` events are refused',
    run(context, message) {
      const verb = message.args[0] ?? ''
      if (!METHOD_NAMES.has(verb.toLowerCase())) {
        answer(context, message, 'NO', 'Route request includes unsupported verb')
        // drachtio-server closes the connection here; an application that merely asks for CDRs is kept.
        return true
      }
      context.core.routes.add(verb, context.application)
      answer(context, message, 'OK')
      return true
    }
  },
  remove_route: {
    status: 'done',
    note: 'removes the one method that is named',
    run(context, message) {
      context.core.routes.remove(message.args[0] ?? '', context.application)
      answer(context, message, 'OK')
      return true
    }
  },
  sip: {
    status: 'done',
    note: 'requests inside and outside dialogs, responses, ACK, PRACK and CANCEL',
    run(context, message) {
      runSip(context, message)
      return true
    }
  },
  proxy: {
    status: 'partly',
    note: 'serial and simultaneous, redirects, time-outs, Record-Route; RSeq is passed through, challenges are not remembered',
    run(context, message) {
      runProxy(context, message)
      return true
    }
  }
}

/** Runs one message of an application. Returns false when its connection must be closed. */
export function runCommand(context: CommandContext, message: ClientMessage): boolean {
  if (message.command === '') {
    answer(context, message, 'NO', 'Invalid message format')
    return false
  }
  const command = Object.hasOwn(COMMANDS, message.command) ? COMMANDS[message.command] : undefined
  if (command === undefined) {
    answer(context, message, 'NO', 'Unknown message type')
    return false
  }
  if (!context.application.authenticated && message.command !== 'authenticate') {
    answer(context, message, 'NO', 'incorrect secret')
    return false
  }
  return command.run(context, message)
}

function runSip(context: CommandContext, message: ClientMessage): void {
  const { core, application } = context
  const [transactionId = '', dialogId = '', route = ''] = message.args
  const sip = message.sip ?? EMPTY_SIP
  if (sip.startLine.startsWith('SIP/')) {
    if (transactionId === '') answer(context, message, 'NO', 'transaction id missing')
    else respond(core, application, message.id, transactionId, sip)
  } else if (dialogId !== '') sendWithin(core, application, message.id, dialogId, sip)
  else if (transactionId !== '') {
    if (sip.startLine.startsWith('CANCEL ')) sendCancel(core, application, message.id, transactionId, sip)
    else answer(context, message, 'NOK', 'only CANCEL can be sent inside a transaction')
  } else {
    // A Call-ID that names a live dialog means a request within it.
    const named = callIdOf({ headers: sip.headers.map(h => ({ ...h, name: h.label.toLowerCase() })) })
    const dialog = named === '' ? undefined : core.dialogs.byCallId(named)
    if (dialog !== undefined) sendWithin(core, application, message.id, dialog.id, sip)
    else sendOutside(core, application, message.id, sip, route)
  }
}

const FIXED_PROXY_ARGS = 7

function runProxy(context: CommandContext, message: ClientMessage): void {
  const { core, application } = context
  const [transactionId = '', remain, full, redirects, forking, provisional, final] = message.args
  const targets = message.args.slice(FIXED_PROXY_ARGS).filter(target => target !== '')
  const incoming = core.incoming.get(transactionId)
  if (incoming === undefined || incoming.proxied !== undefined || incoming.within || incoming.dialog !== undefined) {
    answer(context, message, 'NOK', `Unknown transaction id: ${transactionId}`)
    return
  }
  if (targets.length === 0) {
    answer(context, message, 'NOK', 'error proxying request to ')
    return
  }
  const options = {
    recordRoute: remain === 'remainInDialog',
    fullResponse: full === 'fullResponse',
    followRedirects: redirects === 'followRedirects',
    simultaneous: forking === 'simultaneous',
    provisionalTimeoutMs: parseDuration(provisional),
    finalTimeoutMs: parseDuration(final)
  }
  const proxied = new ProxiedRequest(core, application, message.id, incoming, options, message.sip ?? EMPTY_SIP)
  incoming.proxied = proxied
  incoming.transaction.user = { ...incoming.transaction.user, onCancel: () => proxied.cancel() }
  proxied.start(targets)
}

/** `2s` or `1500ms` in milliseconds; undefined for anything else. */
function parseDuration(text: string | undefined): number | undefined {
  const match = /^(\d{1,6})(ms|s)$/.exec(text ?? '')
  if (match === null) return undefined
  return Number(match[1]) * (match[2] === 's' ? 1_000 : 1)
}
