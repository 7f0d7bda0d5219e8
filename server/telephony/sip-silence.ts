import type { Socket } from 'node:net'
import type Srf from 'drachtio-srf'

/** drachtio-srf asks no more often. */
export const PING_EVERY_MS = 5_000
/** Two pings without an answer, and some time for the second. */
const SILENT_MS = 12_000
const LOOK_MS = 1_000

/** drachtio-srf keeps its connections to itself: those that were accepted, and the one that it is making. */
type Insides = Readonly<{
  _app?: { client?: Readonly<{ mapServer: ReadonlyMap<Socket, unknown>; wp?: Readonly<{ socket?: Socket }> }> }
}>

/**
 * Ends connections to the SIP server on which nothing comes although it is pinged, so that drachtio-srf makes them anew: a
 * machine that froze, lost its power or is cut off ends none. Until the returned function is called.
 */
export function endSilentConnections(srf: Srf, onSilent: () => void): () => void {
  const heardAtMs = new WeakMap<Socket, number>()
  const suspected = new WeakSet<Socket>()
  const look = (socket: Socket) => {
    const nowMs = performance.now()
    const lastMs = heardAtMs.get(socket)
    if (lastMs === undefined) {
      heardAtMs.set(socket, nowMs)
      socket.on('data', () => heardAtMs.set(socket, performance.now()))
    } else if (nowMs - lastMs <= SILENT_MS) {
      suspected.delete(socket)
    } else if (!suspected.has(socket)) {
      // After a pause of this process what has come meanwhile is read only now.
      suspected.add(socket)
    } else {
      onSilent()
      socket.destroy()
    }
  }
  const timer = setInterval(() => {
    const { mapServer, wp } = (srf as unknown as Insides)._app?.client ?? {}
    const sockets = new Set(mapServer?.keys())
    if (wp?.socket !== undefined) sockets.add(wp.socket)
    for (const socket of sockets) if (!socket.destroyed) look(socket)
  }, LOOK_MS)
  return () => clearInterval(timer)
}
