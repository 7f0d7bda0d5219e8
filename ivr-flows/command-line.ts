import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/** A wrong call of a program; the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
}

/** Options and names of files. @throws {UsageError} when they cannot be read. */
export function readArguments<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'the arguments cannot be read', { cause })
  }
}

/**
 * The files that are named, and those of named folders that are wanted, in order. `needed`: what a folder must hold.
 * Rejects with UsageError when nothing is named, or a folder lacks what is needed.
 */
export async function filesIn(
  names: readonly string[],
  isWanted: (file: string) => boolean,
  needed?: string
): Promise<readonly string[]> {
  if (names.length === 0) throw new UsageError('a file or folder is needed')
  const lists = await Promise.all(
    names.map(async name => {
      if (!(await stat(name)).isDirectory()) return [name]
      const found = (await readdir(name)).filter(isWanted).toSorted()
      if (found.length === 0 && needed !== undefined) throw new UsageError(`${name} has no ${needed}`)
      return found.map(file => path.join(name, file))
    })
  )
  return lists.flat()
}
