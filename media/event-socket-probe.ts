import { connect } from 'node:net'

const LIMIT_MS = 3_000

/**
 * Asks a FreeSWITCH event socket whether it is ready for calls: it answers, takes the secret, and runs a SIP profile
 * of that name. drachtio-fsmrf throws out of a callback when the profile is not up yet, so it is only called after this.
 * Resolves to undefined when ready, otherwise to the reason in words.
 */
export async function probeEventSocket(
  address: Readonly<{ host: string; port: number; secret: string }>,
  profile: string
): Promise<string | undefined> {
  return await new Promise(resolve => {
    const socket = connect(address.port, address.host)
    let received = ''
    const done = (reason: string | undefined) => {
      socket.destroy()
      resolve(reason)
    }
    socket.setTimeout(LIMIT_MS, () => done(`no answer within ${LIMIT_MS} ms`))
    socket.on('error', err => done(err.message))
    socket.on('close', () => resolve('the connection was closed'))
    let step: 'greeting' | 'auth' | 'status' = 'greeting'
    socket.on('data', chunk => {
      received += chunk.toString('utf8')
      if (step === 'greeting' && /Content-Type: auth\/request\n\n/.test(received)) {
        received = ''
        step = 'auth'
        socket.write(`auth ${address.secret}\n\n`)
      } else if (step === 'greeting' && received.includes('rude-rejection')) {
        done('the access list of the event socket refuses this address')
      } else if (step === 'auth' && /Reply-Text: (\+OK|-ERR)[^\n]*\n\n/.test(received)) {
        if (received.includes('-ERR')) return done('the secret is wrong')
        received = ''
        step = 'status'
        socket.write('api sofia status\n\n')
      } else if (step === 'status') {
        const length = /Content-Length: (\d+)\n/.exec(received)?.[1]
        const body = received.slice(received.indexOf('\n\n') + 2)
        if (length === undefined || Buffer.byteLength(body) < Number(length)) return
        const hasProfile = new RegExp(`^\\s*${profile}\\s.*sip:mod_sofia@(?:\\d{1,3}\\.){3}\\d{1,3}:\\d+`, 'm').test(
          body
        )
        done(hasProfile ? undefined : `the SIP profile ${profile} is not running`)
      }
    })
  })
}
