import { parseArgs } from 'node:util'
import { startInOwnThread } from './start-in-own-thread.ts'

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    'event-socket-port': { type: 'string', default: '8021' },
    secret: { type: 'string', default: 'ClueCon' },
    'sip-port': { type: 'string', default: '5080' },
    'rtp-ports': { type: 'string', default: '20000-29999' },
    'sounds-dir': { type: 'string' },
    'max-channels': { type: 'string', default: '1000' },
    'log-level': { type: 'string', default: 'info' }
  }
})

const [low = 20_000, high = 29_999] = values['rtp-ports'].split('-').map(Number)
const server = await startInOwnThread({
  eventSocket: { host: values.host, port: Number(values['event-socket-port']), secret: values.secret },
  sip: { host: values.host, port: Number(values['sip-port']) },
  rtp: { host: values.host, portRange: [low, high] },
  maxChannels: Number(values['max-channels']),
  logLevel: values['log-level'],
  ...(values['sounds-dir'] === undefined ? {} : { soundsDir: values['sounds-dir'] })
})
// Before the line that says it is there: whoever reads it may stop it at once.
const stop = () => void server[Symbol.asyncDispose]().then(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
console.log(
  `stand-in for FreeSWITCH ${server.ready.version}: event socket ${values.host}:${server.ready.eventSocketPort}, SIP ${values.host}:${server.ready.sipPort}/udp`
)
