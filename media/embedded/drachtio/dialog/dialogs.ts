import type { Application } from '../applications.ts'
import type { Dialog } from './dialog.ts'

/** All dialogs, early and confirmed. */
export class Dialogs {
  readonly #byTags = new Map<string, Dialog>()
  readonly #byId = new Map<string, Dialog>()
  readonly #byCallId = new Map<string, Dialog>()

  get count(): number {
    return this.#byTags.size
  }

  /** Dialogs made by INVITE. */
  get calls(): number {
    let calls = 0
    for (const dialog of this.#byTags.values()) if (dialog.kind === 'INVITE') calls++
    return calls
  }

  all(): Iterable<Dialog> {
    return this.#byTags.values()
  }

  /** Adds a dialog. Of several forks with one id, the one added first answers to the id; see {@link select}. */
  add(dialog: Dialog): void {
    this.#byTags.set(tagsKey(dialog.callId, dialog.localTag, dialog.remoteTag), dialog)
    if (!this.#byId.has(dialog.id)) this.select(dialog)
  }

  /** Makes `dialog` the one that its id means: the fork that answered. */
  select(dialog: Dialog): void {
    this.#byId.set(dialog.id, dialog)
    this.#byCallId.set(dialog.callId, dialog)
  }

  remove(dialog: Dialog): void {
    dialog.awaitedAck?.stop()
    dialog.awaitedAck = undefined
    dialog.expiry?.stop()
    dialog.expiry = undefined
    const key = tagsKey(dialog.callId, dialog.localTag, dialog.remoteTag)
    if (this.#byTags.get(key) === dialog) this.#byTags.delete(key)
    if (this.#byId.get(dialog.id) === dialog) this.#byId.delete(dialog.id)
    if (this.#byCallId.get(dialog.callId) === dialog) this.#byCallId.delete(dialog.callId)
  }

  has(dialog: Dialog): boolean {
    return this.#byTags.get(tagsKey(dialog.callId, dialog.localTag, dialog.remoteTag)) === dialog
  }

  byId(id: string): Dialog | undefined {
    return this.#byId.get(id)
  }

  /** Every fork that shares an id. */
  forksOf(id: string): Dialog[] {
    return [...this.#byTags.values()].filter(dialog => dialog.id === id)
  }

  byCallId(callId: string): Dialog | undefined {
    return this.#byCallId.get(callId)
  }

  byTags(callId: string, localTag: string, remoteTag: string): Dialog | undefined {
    return this.#byTags.get(tagsKey(callId, localTag, remoteTag))
  }

  ownedBy(application: Application): Dialog[] {
    return [...this.#byTags.values()].filter(dialog => dialog.owner === application)
  }
}

function tagsKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}|${localTag}|${remoteTag}`
}
