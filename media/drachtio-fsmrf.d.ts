/** The part of drachtio-fsmrf 4 that media/freeswitch.ts uses; the package ships no types of its own. */
declare module 'drachtio-fsmrf' {
  import type { EventEmitter } from 'node:events'

  namespace Mrf {
    interface EslEvent {
      getHeader(name: string): string | undefined
      getBody(): string
    }
    interface EslConnection {
      /** Null once it is closed. */
      readonly socket: {
        readonly writableCorked: number
        setNoDelay(on: boolean): void
        cork(): void
        uncork(): void
        write(text: string): void
      } | null
      on(event: string, listener: (event: EslEvent) => void): void
      off(event: string, listener: (event: EslEvent) => void): void
      send(command: string, headers?: Readonly<Record<string, string>> | null): void
      sendRecv(command: string): void
      subscribe(events: string): void
      filter(header: string, value: string): void
    }
    interface Endpoint extends EventEmitter {
      readonly conn: EslConnection | null
      readonly uuid: string
      readonly connected: boolean
      readonly local: { sdp: string; mediaPort: string }
      readonly dialog: {
        readonly id: string
        once(event: 'destroy', listener: (bye?: { get(name: string): string | undefined }) => void): void
        destroy(options: object, callback: (err: Error | null) => void): void
      }
      api(command: string, args?: string | readonly string[]): Promise<EslEvent>
      execute(application: string, argument?: string): Promise<EslEvent>
      executeAsync(application: string, argument: string, callback?: (event: EslEvent) => void): void
      modify(sdp: string): Promise<string>
      bridge(other: string): Promise<void>
      unbridge(): Promise<void>
      join(name: string, options: { profile?: string }): Promise<{ memberId: number; confUuid: string }>
      unjoin(): Promise<string>
      forkAudioStart(options: {
        wsUrl: string
        mixType: 'mono' | 'mixed' | 'stereo'
        sampling: '8000' | '16000'
        bugname?: string
        metadata?: object
      }): Promise<void>
      forkAudioStop(bugname?: string): Promise<void>
      destroy(): Promise<void>
    }
    interface MediaServer extends EventEmitter {
      /** A command of the event socket's API; resolves with what it prints. */
      api(command: string): Promise<string>
      readonly conn: EslConnection
      readonly sip: { ipv4: { udp: { address?: string } } }
      connected(): boolean
      createEndpoint(options: { remoteSdp?: string; codecs?: readonly string[] }): Promise<Endpoint>
      disconnect(): void
    }
    interface ConnectOptions {
      address: string
      port: number
      secret: string
      listenAddress: string
      listenPort?: number
      advertisedAddress?: string
    }
  }

  class Mrf {
    constructor(srf: object)
    connect(options: Mrf.ConnectOptions): Promise<Mrf.MediaServer>
  }
  export = Mrf
}
