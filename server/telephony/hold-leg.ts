/** Says that a dialog of the SIP server or a channel of the media server is ours until the returned function is called. */
export type HoldLeg = (kind: 'dialog' | 'channel', engineId: string) => () => void
