import { serveInWorker } from '../in-worker.ts'
import { startInOwnThread } from './start-in-own-thread.ts'

await serveInWorker(startInOwnThread)
