import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import type {
  EmbeddedDrachtioOptions,
  EmbeddedDrachtioReady,
  EmbeddedDrachtioStats
} from '../../../../media/embedded/drachtio/server.ts'
import { startInWorker } from '../../../../media/embedded/in-worker.ts'
import { startSipPhone } from '../../../support/sip-phone.ts'

const root = new URL('../../../../media/embedded/drachtio/', import.meta.url)

t.test('the server runs in a worker thread and says where it listens', async t => {
  await using server = await startInWorker<EmbeddedDrachtioOptions, EmbeddedDrachtioReady, EmbeddedDrachtioStats>(
    new URL('worker.ts', root),
    { admin: { host: '127.0.0.1', port: 0, secret: 'x' }, sip: { host: '127.0.0.1', udpPort: 0, tcpPort: 0 } }
  )
  await using phone = await startSipPhone({ transport: 'udp' })
  t.equal((await phone.request('OPTIONS', `sip:x@127.0.0.1:${server.ready.udpPort}`)).status, 503)
  t.match(await server.stats(), { messagesIn: 1, messagesOut: 1, transactions: 0, timers: 0 })
})

t.test('a taken port is an error that names it, and nothing stays open', async t => {
  await using phone = await startSipPhone({ transport: 'udp' })
  const { startEmbeddedDrachtio } = await import('../../../../media/embedded/drachtio/server.ts')
  await t.rejects(
    startEmbeddedDrachtio({
      admin: { host: '127.0.0.1', port: 0, secret: 'x' },
      sip: { host: '127.0.0.1', udpPort: phone.port, tcpPort: 0 }
    }),
    { code: 'EADDRINUSE' }
  )
})

t.test('the program prints where it listens and stops on SIGTERM', async t => {
  const program = spawn(process.execPath, [
    new URL('program.ts', root).pathname,
    ...['--admin-port', '0', '--udp-port', '0', '--tcp-port', '0']
  ])
  t.teardown(() => program.kill('SIGKILL'))
  const lines: string[] = []
  program.stdout.on('data', (chunk: Buffer) => lines.push(chunk.toString('utf8')))
  const end = Date.now() + 10_000
  while (!/SIP: 127\.0\.0\.1 udp \d+, tcp \d+/.test(lines.join('')) && Date.now() < end) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  t.match(
    lines.join(''),
    /stand-in for drachtio-server v0\.9\..*\napplications: 127\.0\.0\.1:\d+; SIP: 127\.0\.0\.1 udp \d+, tcp \d+/
  )
  program.kill('SIGTERM')
  const [code] = await once(program, 'exit', { signal: AbortSignal.timeout(5_000) })
  t.equal(code, 0)
})
