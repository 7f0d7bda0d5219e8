import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collector = (options: Readonly<{ type: 'major'; flavor: 'last-resort' }>) => void
type Koffi = Readonly<{ load(library: string): { func(signature: string): (pad: number) => number } }>

/**
 * Gives back the memory that starting needed and running does not: some hundred megabytes, which V8 and the C library
 * return only to a program that idles, and one that serves calls never does. Stops the program for about 0.2 s; for the
 * end of the start only.
 */
export async function giveBackMemory(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collector
  collect({ type: 'major', flavor: 'last-resort' })
  await trimHeap()
}

/**
 * Has glibc return free pages that lie between used ones (malloc_trim(3)); by itself it returns only those at the end of
 * its heap. Other C libraries need and have no such call.
 */
async function trimHeap(): Promise<void> {
  // Otherwise the report looks up the names of all connected addresses. Node's types do not know this setting yet.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report
  report.excludeNetwork = true
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  if (header.glibcVersionRuntime === undefined) return
  // Optional: where it is not installed, the pages stay.
  const packageName: string = 'koffi'
  const koffi = await import(packageName).then(
    (loaded: { default: Koffi }) => loaded.default,
    (err: NodeJS.ErrnoException) => {
      if (err.code === 'ERR_MODULE_NOT_FOUND') return null
      throw err
    }
  )
  koffi?.load('libc.so.6').func('int malloc_trim(size_t pad)')(0)
}
