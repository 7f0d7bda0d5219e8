import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { toneShare } from '../../media/audio/goertzel.ts'
import type { Call } from '../../server/calls/call.ts'
import type { RecordingConsent } from '../../server/recordings/call-recording.ts'
import type { RecordingSummary } from '../../server/recordings/recording-library.ts'
import type { TestParley } from '../support/parley.ts'

/** Numbers kept for fiction, each from a place with another rule. */
export const CALLERS = {
  /** District of Columbia: one party's consent is enough. */
  washington: '+12025550123',
  /** Ofcom's numbers for drama: notice. */
  london: '+442079460123',
  /** Arcep's numbers for fiction: notice, and the right to object. */
  paris: '+33199001234',
  /** Bundesnetzagentur's numbers for drama: opt-in. */
  berlin: '+493023125123'
} as const

/** Asks by tones: 440 Hz is the question, 550 Hz the notice, 660 Hz the notice that one may object to, 770 Hz the refusal; then 880 Hz. */
export const RECORDED = `
id: recorded
name: Recorded
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent:
    kind: consent
    question: { tone: "%(600,0,440)" }
    notice: { tone: "%(600,0,550)" }
    objection: { tone: "%(600,0,660)" }
    refusal: { tone: "%(400,0,770)" }
    timeoutMs: 700
    attempts: 2
    next: tone
  tone: { kind: say, prompt: { tone: "%(20000,0,880)" }, next: bye }
  bye: { kind: hangup }
`

/** Every file below a folder, with its bytes. */
export async function filesIn(folder: string): Promise<readonly { path: string; bytes: Buffer }[]> {
  const found: { path: string; bytes: Buffer }[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.push({ path, bytes: await readFile(path) })
  }
  return found
}

/** Everything that this installation has written down, as text. */
export async function everythingWritten(server: TestParley): Promise<string> {
  const { db } = server.parley
  const tables = await sql<{ name: string }>`select table_schema || '.' || table_name as name
    from information_schema.tables where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`.execute(
    db
  )
  const rows: string[] = []
  for (const { name } of tables.rows) {
    const [schema = '', table = ''] = name.split('.')
    const found = await sql<{
      row: string
    }>`select row_to_json(t)::text as row from ${sql.table(`${schema}.${table}`)} t`.execute(db)
    rows.push(...found.rows.map(one => one.row))
  }
  const files = await filesIn(server.dataDir)
  return [
    ...rows,
    ...server.logs,
    ...files.filter(file => !file.path.includes('/database/')).map(file => file.bytes.toString('latin1'))
  ].join('\n')
}

/** Sees every file below a folder that is made, changed or taken away, until it is disposed. */
export function watchFiles(folder: string): Readonly<{ changed: ReadonlySet<string> }> & Disposable {
  const changed = new Set<string>()
  const watcher: FSWatcher = watch(folder, { recursive: true }, (_event, name) => {
    if (name !== null) changed.add(name)
  })
  return { changed, [Symbol.dispose]: () => watcher.close() }
}

/** The files that this program has open for writing, wherever they are (proc(5), fdinfo). */
export async function openForWriting(): Promise<readonly string[]> {
  const paths: string[] = []
  for (const fd of await readdir('/proc/self/fd')) {
    // One that was closed meanwhile is not open.
    const [path, info] = await Promise.all([
      readlink(`/proc/self/fd/${fd}`).catch(() => ''),
      readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '')
    ])
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '0', 8)
    const isFile = path.startsWith('/') && !path.startsWith('/dev/') && !path.startsWith('/proc/')
    if (isFile && (flags & 3) !== 0) paths.push(path)
  }
  return paths
}

/** How many bytes of audio there are on this installation's disk, in the spool and in the folder of recordings. */
export async function audioBytes(server: TestParley): Promise<number> {
  let bytes = 0
  for (const folder of ['recordings', join('spool', 'recordings')]) {
    const names = await readdir(join(server.dataDir, folder), { recursive: true }).catch(() => [])
    for (const name of names)
      if (name.includes('.sealed')) bytes += (await stat(join(server.dataDir, folder, name))).size
  }
  return bytes
}

/** The one call that is running. */
export function liveCall(server: TestParley): Call {
  const [call, ...others] = [...server.parley.liveCalls.values()]
  if (call === undefined || others.length > 0) throw new Error('not exactly one call is running')
  return call
}

/** Resolves when the call has gone on for so long, by the frames of its audio, with the span that they cover. */
export async function talk(server: TestParley, ms: number): Promise<{ fromMs: number; toMs: number }> {
  const done = Promise.withResolvers<number>()
  let frames = 0
  let fromMs = 0
  using _attachment = liveCall(server).tap?.attach({
    name: 'test',
    onFrame({ atMs }) {
      frames += 1
      if (frames === 1) fromMs = atMs
      if (frames * 20 >= ms) done.resolve(atMs)
    },
    onEnd: () => done.reject(new Error('the call ended'))
  })
  const toMs = await done.promise
  return { fromMs, toMs }
}

/** Resolves when the running call has gone on for so long from now, with the span that this took. */
export async function talkOn(server: TestParley, ms: number): Promise<{ fromMs: number; toMs: number }> {
  const done = Promise.withResolvers<number>()
  const { tap } = liveCall(server)
  if (tap === null) throw new Error('the call is not answered')
  const fromMs = Math.ceil(tap.elapsedMs)
  using _attachment = tap.attach({
    name: 'test',
    onFrame({ atMs }) {
      if (atMs >= fromMs + ms) done.resolve(atMs)
    },
    onEnd: () => done.reject(new Error('the call ended'))
  })
  return { fromMs, toMs: await done.promise }
}

/** Resolves when so much of the running call has really arrived from now on; what a busy machine loses is not counted. */
export async function arrivesWhole(server: TestParley, ms: number): Promise<void> {
  const done = Promise.withResolvers<void>()
  let wholeMs = 0
  using _attachment = liveCall(server).tap?.attach({
    name: 'test',
    onFrame({ isFilled }) {
      wholeMs += isFilled ? 0 : 20
      if (wholeMs >= ms) done.resolve()
    },
    onEnd: () => done.reject(new Error('the call ended'))
  })
  await done.promise
}

/** Resolves when the running call's consent is so. */
export async function settledAs(server: TestParley, consent: RecordingConsent): Promise<void> {
  const recording = server.parley.recordings.of(liveCall(server))
  if (recording.consent === consent) return
  const changed = Promise.withResolvers<void>()
  const forget = recording.onChange(() => {
    if (recording.consent === consent) changed.resolve()
  })
  await changed.promise
  forget()
}

/** Resolves when what is said in the running call is kept. */
export async function keeping(server: TestParley): Promise<void> {
  const recording = server.parley.recordings.of(liveCall(server))
  if (recording.isKeeping) return
  const changed = Promise.withResolvers<void>()
  const forget = recording.onChange(() => {
    if (recording.isKeeping) changed.resolve()
  })
  await changed.promise
  forget()
}

/** The recordings of a call, once everything is where it belongs. */
export async function recordingsOf(server: TestParley, callId: string): Promise<readonly RecordingSummary[]> {
  await server.parley.recordings.settled()
  return await server.parley.recordings.library.listByCall(callId)
}

/** In which part of the time, looked at in pieces of 100 ms, a tone is most of what is heard. */
export function toneTime(samples: Int16Array, hz: number): number {
  const pieces = Math.floor(samples.length / 800)
  let heard = 0
  for (let piece = 0; piece < pieces; piece += 1)
    if (toneShare(samples.subarray(piece * 800, (piece + 1) * 800), hz) > 0.5) heard += 1
  return heard / pieces
}

/**
 * For how long a tone that never stopped is missing where the recording declares no gap, in milliseconds, looked at in pieces of 100 ms.
 * Pieces that a gap touches are its.
 */
export function undeclaredMs(
  samples: Int16Array,
  hz: number,
  gaps: readonly Readonly<{ fromMs: number; toMs: number }>[]
): number {
  let missing = 0
  for (let fromMs = 0; (fromMs + 100) * 8 <= samples.length; fromMs += 100) {
    if (gaps.some(gap => gap.fromMs < fromMs + 100 && gap.toMs > fromMs)) continue
    if (toneShare(samples.subarray(fromMs * 8, (fromMs + 100) * 8), hz) <= 0.5) missing += 100
  }
  return missing
}

/** What a recording holds, side by side. */
export async function hear(
  server: TestParley,
  id: string,
  span: { fromMs: number; toMs?: number } = { fromMs: 0 }
): Promise<{ left: Int16Array; right: Int16Array }> {
  const parts: Buffer[] = []
  for await (const part of server.parley.recordings.library.readPcm(id, span, new AbortController().signal))
    parts.push(part)
  const bytes = Buffer.concat(parts)
  const side = (which: 0 | 1) =>
    Int16Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readInt16LE(index * 4 + which * 2))
  return { left: side(0), right: side(1) }
}
