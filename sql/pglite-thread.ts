/** PGlite in a thread of its own: it computes, and the control plane's thread must stay free for callers. */
import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import type { PgliteReply, PgliteRequest } from './pglite-client.ts'

// Optimising PostgreSQL's functions one by one as they get warm takes seconds of all cores and 200 MB of a server that
// is answering calls meanwhile; the code of the first compiler is fast enough. No WebAssembly has run before this line.
// `--liftoff-only` would imply both, but not once V8 has started.
setFlagsFromString('--no-wasm-tier-up')
setFlagsFromString('--no-wasm-dynamic-tiering')
// Compiling all functions at once, of which few are ever used, takes 400 MB for a moment, and the process keeps them.
setFlagsFromString('--wasm-lazy-compilation')

const port = parentPort
if (port === null) throw new Error('this file runs in a worker thread only')
const { folder, hasVectors } = workerData as { folder: string | null; hasVectors: boolean }
/** Written once, when the database is made: a laptop's call records need no 128 MB of buffers. */
const SETTINGS = ['shared_buffers=16MB', 'max_wal_size=32MB']
const answer = (reply: PgliteReply) => port.postMessage(reply)

try {
  const pglite = await PGlite.create({
    ...(folder !== null && { dataDir: folder }),
    // Loaded by those only who want it.
    ...(hasVectors && { extensions: { vector: (await import('@electric-sql/pglite-pgvector')).vector } }),
    postgresqlconf: SETTINGS
  })
  port.on('message', async (request: PgliteRequest) => {
    const { id } = request
    try {
      switch (request.kind) {
        case 'query': {
          const { rows, affectedRows } = await pglite.query(request.text, [...request.values])
          answer({ kind: 'results', id, results: [{ rows: rows as object[], affectedRows: affectedRows ?? 0 }] })
          break
        }
        case 'exec': {
          const results = await pglite.exec(request.text)
          answer({
            kind: 'results',
            id,
            results: results.map(one => ({ rows: one.rows as object[], affectedRows: one.affectedRows ?? 0 }))
          })
          break
        }
        case 'close':
          await pglite.close()
          answer({ kind: 'results', id, results: [] })
          port.close()
          break
        default:
          request satisfies never
      }
    } catch (err) {
      answer({ kind: 'failed', id, error: describe(err) })
    }
  })
  answer({ kind: 'results', id: 0, results: [] })
} catch (err) {
  answer({ kind: 'failed', id: 0, error: describe(err) })
  port.close()
}

/** The fields of a database error that others judge by; an Error object would lose them on its way. */
function describe(err: unknown): Record<string, unknown> & { message: string } {
  const { message, code, detail, constraint, table, severity } = err as Error & Record<string, unknown>
  return { message, code, detail, constraint, table, severity }
}
