import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { ArrivalLog } from '../../test/support/rtp-peer/arrival.ts'
import { serveReadings } from './measured-process.ts'

const HOST = '127.0.0.1'

/**
 * Listens on the callers' ports in a process that does nothing else, so that the load's own work does not delay what is
 * measured. The kernel gives a connected socket all packets of its peer, although the sending socket has the same port.
 */
const { calls } = JSON.parse(process.argv[2] ?? '{}') as { calls: { port: number; remotePort: number }[] }
try {
  // What is measured is the sender, not how long this process waits for its turn; yet it must not displace the sender.
  setPriority(constants.priority.PRIORITY_HIGH)
} catch (err) {
  console.warn('the receiver may not go before others; on a busy machine it reads late', err)
}
let logs = new Map<number, ArrivalLog>()
const sockets = await Promise.all(
  calls.map(async ({ port, remotePort }) => {
    const socket = createSocket({ type: 'udp4', reusePort: true, recvBufferSize: 1 << 20 })
    socket.bind(port, HOST)
    await once(socket, 'listening')
    socket.connect(remotePort, HOST)
    await once(socket, 'connect')
    socket.on('message', bytes => {
      if (((bytes[1] as number) & 0x7f) !== 0) return
      const log = logs.get(port) ?? new ArrivalLog()
      logs.set(port, log)
      log.add(bytes.readUInt16BE(2), bytes.readUInt32BE(4))
    })
    socket.on('error', () => {})
    return socket
  })
)
process.on('message', order => {
  if (order === 'forget') logs = new Map()
})
serveReadings(
  sockets.length,
  () => {
    const figures = [...logs.values()].map(log => log.figures())
    const packets = figures.reduce((sum, figure) => sum + figure.packets, 0)
    return {
      packets,
      within5Ms: figures.reduce((sum, figure) => sum + figure.within5Ms * figure.packets, 0),
      missing: figures.reduce((sum, figure) => sum + figure.missing, 0),
      streams: figures.length
    }
  },
  async () => {}
)
