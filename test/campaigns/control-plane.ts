import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { loadConfig } from '../../config/load.ts'
import { startParley } from '../../server/context.ts'
import { startEngines } from '../../server/engines.ts'
import { createLoggers } from '../../server/log.ts'

// A control plane in a process of its own, as main.ts starts it, for tests that kill it. Its clock for the law is that of
// the test; told numbers and steps, it stands still for ever when it is there with that one.
const { values } = parseArgs({
  options: { 'clock-ahead-ms': { type: 'string', default: '0' }, 'stands-still-at': { type: 'string', default: '{}' } }
})
const standsStillAt: Readonly<Record<string, string>> = JSON.parse(values['stands-still-at'])
const { config, secrets } = await loadConfig()
const loggers = createLoggers(config.logLevel)
await using engines = await startEngines(config, (engine, err) => {
  throw new Error(`the embedded ${engine} ended`, { cause: err })
})
await using parley = await startParley(config, secrets, engines.addresses, loggers, {
  now: () => new Date(Date.now() + Number(values['clock-ahead-ms'])),
  campaignStep: async (step, lead) => {
    if (standsStillAt[lead.number] === step) await new Promise(() => {})
  }
})
process.stdout.write(`control plane at ${parley.httpUrl}\n`)
await once(process, 'SIGTERM')
