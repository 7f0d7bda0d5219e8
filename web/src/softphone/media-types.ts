/** What the audio connection of a page is doing. */
export type IceState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed'

export type MicrophoneState = 'off' | 'asking' | 'live' | 'denied' | 'missing' | 'ended'
