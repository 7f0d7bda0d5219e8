import type { TcpConnection } from './tcp.ts'

/** The transports of the stand-in. */
export type TransportName = 'udp' | 'tcp'

/** Where a message goes: an address, and over TCP perhaps an open connection that is used while it lasts. */
export type Destination = Readonly<{
  transport: TransportName
  address: string
  port: number
  connection?: TcpConnection | undefined
}>

/** Where a message came from. */
export type Source = Destination
