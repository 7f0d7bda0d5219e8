import type { EmbeddedFreeswitchOptions } from '../../media/embedded/freeswitch/server.ts'
import { startInOwnThread } from '../../media/embedded/freeswitch/start-in-own-thread.ts'
import { serveReadings } from './measured-process.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as EmbeddedFreeswitchOptions
const engine = await startInOwnThread(options)
serveReadings(
  engine.ready,
  () => engine.stats(),
  () => Promise.resolve(engine[Symbol.asyncDispose]())
)
