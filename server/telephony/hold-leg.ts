/**
 * Says that a dialog of the SIP server, a channel of the media server or an INVITE without a final answer (by the SIP server's
 * name of its transaction) is ours until the returned function is called.
 */
export type HoldLeg = (kind: 'dialog' | 'channel' | 'invite', engineId: string) => () => void
