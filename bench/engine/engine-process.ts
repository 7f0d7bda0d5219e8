import { type EmbeddedFreeswitchOptions, startEmbeddedFreeswitch } from '../../media/embedded/freeswitch/server.ts'
import { serveReadings } from './measured-process.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as EmbeddedFreeswitchOptions
const engine = await startEmbeddedFreeswitch(options)
serveReadings(
  engine.ready,
  () => engine.stats(),
  () => Promise.resolve(engine[Symbol.asyncDispose]())
)
