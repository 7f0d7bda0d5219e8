import type { Application } from '../applications.ts'
import type { Core } from './core.ts'
import { answerBare } from './incoming.ts'
import { cancelOutgoing } from './outgoing.ts'
import { endByServer } from './within.ts'

/**
 * An application's connection has gone. Requests that wait for its answer get 503, its INVITEs are cancelled. Its
 * dialogs stand for 64·T1, in which an application that knows their ids may take them over; then they are ended.
 */
export function dropApplication(core: Core, application: Application): void {
  core.routes.removeAll(application)
  for (const incoming of [...core.incoming.values()]) {
    if (incoming.owner !== application) continue
    if (incoming.proxied !== undefined) continue
    answerBare(core, incoming, 503)
  }
  for (const outgoing of [...core.outgoing.values()]) {
    if (outgoing.owner === application && outgoing.request.method === 'INVITE') cancelOutgoing(core, outgoing, [])
  }
  const orphans = core.dialogs.ownedBy(application)
  if (orphans.length === 0) return
  core.timers.start(64 * core.timers.values.t1Ms, () => {
    for (const dialog of orphans) {
      if (core.dialogs.has(dialog) && dialog.owner === application) endByServer(core, dialog, 'application gone')
    }
  })
}
