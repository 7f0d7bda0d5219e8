import type { Socket } from 'node:net'
import Srf from 'drachtio-srf'
import type { Logger } from '../log.ts'
import type { HoldLeg } from './hold-leg.ts'
import { type IncomingInvite, toIncomingInvite } from './incoming-invite.ts'
import { type PlacedCall, placeCall, type PlaceCallOptions } from './place-call.ts'
import { ALLOWED_METHODS } from './sip-dialog.ts'
import { endSilentConnections, PING_EVERY_MS } from './sip-silence.ts'

/** An out-of-dialog request other than INVITE, with the one way to answer it. */
export type IncomingRequest = Readonly<{
  method: string
  uri: string
  sourceAddress: string
  sourcePort: number
  protocol: string
  header(name: string): string | undefined
  respond(status: number, options?: Readonly<{ reason?: string; headers?: Readonly<Record<string, string>> }>): void
}>

export type SipHandlers = Readonly<{
  /** Must not throw. */
  invite(invite: IncomingInvite): void
  register(request: IncomingRequest): void
  state(isConnected: boolean): void
}>

/** The connection to drachtio-server. drachtio-srf makes it again whenever it breaks. */
export interface SipServer extends AsyncDisposable {
  readonly isConnected: boolean
  /** The drachtio-srf object, which drachtio-fsmrf wants; nothing else may use it. */
  readonly srf: object
  /** Resolves when the server has taken our secret and told its addresses. */
  ready(signal: AbortSignal): Promise<void>
  placeCall(options: PlaceCallOptions): Promise<PlacedCall>
  /**
   * Sends a BYE in a dialog that another application has left behind; false when the SIP server knows of none with this id.
   * Resolves when it is on its way. Rejects when the SIP server cannot be asked.
   */
  endDialog(dialogId: string): Promise<boolean>
  /**
   * Sends a CANCEL for an INVITE that another application has left behind; false when the SIP server knows of none with this
   * name, or when it is answered. An answer that crosses the CANCEL makes a dialog, for `endDialog`. Otherwise as `endDialog`.
   */
  cancelInvite(transactionId: string): Promise<boolean>
}

/** A dialog of ours at the SIP server, or an INVITE without a final answer, by the SIP server's names. */
type HeldThere = Readonly<{ kind: 'dialog' | 'invite'; id: string }>

export function connectSipServer(
  address: Readonly<{ host: string; port: number; secret: string }>,
  handlers: SipHandlers,
  log: Logger,
  hold: HoldLeg
): SipServer {
  const srf = new Srf()
  let isConnected = false
  let isClosing = false
  let waiting: ((outcome: Error | undefined) => void)[] = []
  const held = new Set<HeldThere>()
  /** What was held when the connection broke: a SIP server that has only lost the connection still has it. */
  const left: HeldThere[] = []

  const holdHere: HoldLeg = (kind, id) => {
    const release = hold(kind, id)
    if (kind === 'channel') return release
    const leg = { kind, id }
    held.add(leg)
    return () => {
      held.delete(leg)
      release()
    }
  }
  const setConnected = (now: boolean) => {
    if (isConnected === now) return
    isConnected = now
    if (!now) left.push(...held)
    handlers.state(now)
  }
  const endLeft = async () => {
    for (const { kind, id } of left.splice(0))
      try {
        await (kind === 'dialog' ? endDialog(srf, id) : cancelInvite(srf, id))
      } catch (err) {
        log.warn({ err, kind }, 'what a broken connection has left at the SIP server could not be ended')
      }
  }

  srf.on('connect', (err: Error | null, hostPort: string) => {
    if (err) {
      log.error({ err }, 'the SIP server refuses the secret')
      for (const settle of waiting.splice(0)) settle(err)
      return
    }
    log.info({ hostPort }, 'SIP server connected')
    setConnected(true)
    void endLeft()
    for (const settle of waiting.splice(0)) settle(undefined)
  })
  const onError = (err: Error) => {
    if (!isClosing) log.warn({ err }, 'the connection to the SIP server failed')
    setConnected(false)
  }
  srf.on('error', onError)
  const events: NodeJS.EventEmitter = srf
  events.on('close', () => {
    if (!isClosing) log.error('the SIP server is gone')
    setConnected(false)
  })

  srf.invite((req, res) => handlers.invite(toIncomingInvite(srf, req, res, log, holdHere)))
  srf.use('register', (req, res) => handlers.register(toIncomingRequest(req, res)))
  // Carriers probe with OPTIONS (RFC 3261 §11); 503 while draining or without media is decided by INVITE itself.
  srf.use('options', (_req, res) => res.send(200, { headers: { Allow: ALLOWED_METHODS, Accept: 'application/sdp' } }))

  const stopLooking = endSilentConnections(srf, () => log.error('the SIP server does not answer'))
  const { host, port, secret } = address
  void srf.connect({ host, port, secret, ...{ enablePing: true, pingInterval: PING_EVERY_MS } })

  return {
    srf,
    get isConnected() {
      return isConnected
    },
    async ready(signal) {
      if (isConnected) return
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        waiting.push(err => {
          signal.removeEventListener('abort', onAbort)
          if (err === undefined) resolve()
          else reject(err)
        })
      })
    },
    placeCall: options => placeCall(srf, options, log, holdHere),
    endDialog: dialogId => endDialog(srf, dialogId),
    cancelInvite: transactionId => cancelInvite(srf, transactionId),
    async [Symbol.asyncDispose]() {
      isClosing = true
      stopLooking()
      waiting = []
      const socket: Socket | undefined = srf.socket
      srf.disconnect()
      socket?.destroy()
    }
  }
}

const END_LIMIT_MS = 5_000

/** A request without the object that only the application has which began the dialog or the transaction. */
type RequestOfOthers = {
  request(uri: string, options: RequestOptions, callback: (err: unknown) => void): void
}
type RequestOptions = Readonly<
  { headers: object } & ({ method: 'BYE'; stackDialogId: string } | { method: 'CANCEL'; stackTxnId: string })
>

// RFC 3326 §2: not a hang-up of anybody.
const STOPPED = { Reason: 'SIP;cause=503;text="The control plane stopped in the call"' }

async function endDialog(srf: Srf, dialogId: string): Promise<boolean> {
  return await isSent(srf, { method: 'BYE', stackDialogId: dialogId, headers: STOPPED })
}

async function cancelInvite(srf: Srf, transactionId: string): Promise<boolean> {
  return await isSent(srf, { method: 'CANCEL', stackTxnId: transactionId, headers: STOPPED })
}

/** False when there is nothing that it could be sent for. */
async function isSent(srf: Srf, options: RequestOptions): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const limit = setTimeout(() => reject(new Error('the SIP server does not answer')), END_LIMIT_MS)
  try {
    // The address is put in by the SIP server, which knows the dialog or the INVITE.
    ;(srf as unknown as RequestOfOthers).request('sip:placeholder', options, err => {
      if (err == null) return resolve(true)
      const { code } = err as { code?: unknown }
      // It knows the INVITE no more, or has its answer already; there is no code of its own for either.
      const isAnswered = options.method === 'CANCEL' && code === 'EDRACHTIO'
      if (code === 'ENODIALOG' || isAnswered) resolve(false)
      else reject(err)
    })
    return await promise
  } finally {
    clearTimeout(limit)
  }
}

function toIncomingRequest(req: Srf.SrfRequest, res: Srf.SrfResponse): IncomingRequest {
  return {
    method: req.method,
    uri: req.uri,
    sourceAddress: req.source_address,
    sourcePort: Number(req.source_port),
    protocol: req.protocol,
    header: name => (req.has(name) ? req.get(name) : undefined),
    respond(status, { reason, headers } = {}) {
      if (reason === undefined) res.send(status, { headers })
      else res.send(status, reason, { headers })
    }
  }
}
