import { serveInWorker } from '../in-worker.ts'
import { startEmbeddedDrachtio } from './server.ts'

await serveInWorker(startEmbeddedDrachtio)
