import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { serveReadings } from './measured-process.ts'

/** The reference: sockets that send one RTP-sized packet every 20 ms and count what comes, and nothing else. */
const { sockets: count } = JSON.parse(process.argv[2] ?? '{}') as { sockets: number }
const stats = { packetsSent: 0, packetsReceived: 0 }
const packet = Buffer.alloc(172)
const sockets = await Promise.all(
  Array.from({ length: count }, async () => {
    const socket = createSocket('udp4')
    socket.on('message', () => stats.packetsReceived++)
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return { socket, peer: 0 }
  })
)
process.on('message', order => {
  if (typeof order !== 'object' || order === null) return
  const { ports } = order as { ports: number[] }
  for (const [index, port] of ports.entries()) if (sockets[index] !== undefined) sockets[index].peer = port
  let due = performance.now()
  const tick = () => {
    while (performance.now() >= due) {
      for (const { socket, peer } of sockets) socket.send(packet, 0, 172, peer, '127.0.0.1')
      stats.packetsSent += sockets.length
      due += 20
    }
    setTimeout(tick, Math.max(0, due - performance.now()))
  }
  tick()
})
serveReadings(
  sockets.map(({ socket }) => socket.address().port),
  () => stats,
  async () => {}
)
