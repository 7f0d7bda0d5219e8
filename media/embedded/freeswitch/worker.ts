import { serveInWorker } from '../in-worker.ts'
import { startEmbeddedFreeswitch } from './server.ts'

await serveInWorker(startEmbeddedFreeswitch)
