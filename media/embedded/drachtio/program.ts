import { parseArgs } from 'node:util'
import { startEmbeddedDrachtio } from './server.ts'

const USAGE = `node media/embedded/drachtio/program.ts [options]
  --admin-host HOST    where applications connect (127.0.0.1)
  --admin-port PORT    9022; 0 takes any free port
  --secret SECRET      what applications must know (cymru)
  --sip-host HOST      address for SIP, also in Via and Contact (127.0.0.1)
  --udp-port PORT      5060; 0 takes any free port
  --tcp-port PORT      5060; 0 takes any free port
  --max-calls N        no limit when left out
  --log-level LEVEL    warn`

const { values } = parseArgs({
  options: {
    'admin-host': { type: 'string', default: '127.0.0.1' },
    'admin-port': { type: 'string', default: '9022' },
    secret: { type: 'string', default: 'cymru' },
    'sip-host': { type: 'string', default: '127.0.0.1' },
    'udp-port': { type: 'string', default: '5060' },
    'tcp-port': { type: 'string', default: '5060' },
    'max-calls': { type: 'string' },
    'log-level': { type: 'string', default: 'warn' },
    help: { type: 'boolean', default: false }
  }
})

if (values.help) {
  console.log(USAGE)
} else {
  const server = await startEmbeddedDrachtio({
    admin: { host: values['admin-host'], port: Number(values['admin-port']), secret: values.secret },
    sip: { host: values['sip-host'], udpPort: Number(values['udp-port']), tcpPort: Number(values['tcp-port']) },
    ...(values['max-calls'] === undefined ? {} : { maxCalls: Number(values['max-calls']) }),
    logLevel: values['log-level']
  })
  // Before the lines that say it is there: whoever reads them may stop it at once.
  const stop = () => void server[Symbol.asyncDispose]()
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const { adminPort, udpPort, tcpPort, version } = server.ready
  console.log(`stand-in for drachtio-server ${version}`)
  console.log(
    `applications: ${values['admin-host']}:${adminPort}; SIP: ${values['sip-host']} udp ${udpPort}, tcp ${tcpPort}`
  )
}
