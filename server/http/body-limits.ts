import type { IncomingMessage } from 'node:http'
import type { App } from './fastify-types.ts'

export type BodyLimits = Readonly<{
  /** In which the body of an ordinary request must have come whole, in milliseconds. */
  wholeMs: number
  /** How long nothing may come of a file, which has as long as it takes, in milliseconds. */
  idleMs: number
}>

export const BODY_LIMITS: BodyLimits = { wholeMs: 60_000, idleMs: 60_000 }

/**
 * What Node's servers are told: their own limit for whole requests knows no routes, so that it would cut a large file off
 * after a minute. Headers are still theirs to limit.
 */
export const NODE_LIMITS = { requestTimeout: 0, headersTimeout: 30_000 } as const

/** Ends requests whose body does not come: 408. Files (`takesFile` of a route) may take long, as long as some of them comes. */
export function limitBodies(app: App, { wholeMs, idleMs }: BodyLimits = BODY_LIMITS): void {
  const end = ({ socket }: IncomingMessage) => {
    // Fastify answers as it does when Node itself finds a request too slow.
    const late = Object.assign(new Error('the body does not come'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
    app.server.emit('clientError', late, socket)
  }
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request
    if (hasBody(raw)) {
      const timer =
        request.routeOptions.config.takesFile === true
          ? whenIdle(raw, idleMs, () => end(raw))
          : setTimeout(() => end(raw), wholeMs).unref()
      for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(timer))
    }
    done()
  })
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function whenIdle(raw: IncomingMessage, idleMs: number, act: () => void): NodeJS.Timeout {
  let before = raw.socket.bytesRead
  return setInterval(() => {
    const now = raw.socket.bytesRead
    // What has come and is not read yet waits for us, not for the sender.
    if (now === before && raw.readableLength === 0) act()
    before = now
  }, idleMs).unref()
}
