import type { Channel } from '../channel.ts'
import type { AppRun } from '../executor.ts'
import { type Playable, SoundNotFoundError } from '../sound/sound-library.ts'
import { type PlayEnd, SoundPlayer } from '../sound/sound-player.ts'

/** How one or several files ended. */
export type PlayOutcome = 'played' | 'broken' | 'not-found'

/** What may end a playback early. */
export type PlayHooks = Readonly<{
  /** Called when keys wait; true ends the playback. */
  onDigits?: (channel: Channel) => boolean
}>

const SAMPLES_PER_MS = 8
const MAX_FILES = 128

/** Plays the files that an argument names on top of whatever the channel sends. */
export async function playFiles(run: AppRun, argument: string, hooks: PlayHooks = {}): Promise<PlayOutcome> {
  const { channel } = run
  const delimiter = channel.get('playback_delimiter')
  const isString = argument.startsWith('file_string://')
  const files = delimiter === undefined || isString ? [argument] : argument.split(delimiter).slice(0, MAX_FILES)
  const timeoutS = Number(channel.get('playback_timeout_sec') ?? 0)
  let outcome: PlayOutcome = 'played'
  for (const file of files.filter(name => name !== '')) {
    if (!channel.isUp) return 'broken'
    const end = await playOne(run, file, hooks, timeoutS)
    if (end === 'stopped') return 'broken'
    outcome = end === 'not-found' ? 'not-found' : 'played'
  }
  return outcome
}

/** `skipped` ends only this file, `stopped` the whole list. */
type OneEnd = 'played' | 'skipped' | 'stopped' | 'not-found'

async function playOne(run: AppRun, file: string, hooks: PlayHooks, timeoutS: number): Promise<OneEnd> {
  const { channel } = run
  let playable: Playable
  try {
    playable = await channel.engine.sounds.resolve(file)
  } catch (err) {
    if (!(err instanceof SoundNotFoundError)) throw err
    channel.engine.log.warn({ uuid: channel.uuid, reason: err.message }, 'file not found')
    return 'not-found'
  }
  if (!channel.isUp) return 'stopped'
  const about: [string, string][] = [
    ...(playable.type === undefined ? [] : [['Playback-File-Type', playable.type] as [string, string]]),
    ['Playback-File-Path', playable.path]
  ]
  return await new Promise<OneEnd>(resolve => {
    let isWholeList = false
    const player = new SoundPlayer(
      playable,
      end => {
        channel.signal.removeEventListener('abort', abort)
        run.source = undefined
        run.onBreak = undefined
        run.onDigits = undefined
        noteFigures(channel, player)
        channel.fire('PLAYBACK_STOP', [...about, ['Playback-Status', end === 'break' ? 'break' : 'done']])
        resolve(oneEnd(end, isWholeList))
      },
      timeoutS > 0 ? timeoutS * 50 : Number.POSITIVE_INFINITY
    )
    const abort = () => {
      isWholeList = true
      player.stop()
    }
    channel.signal.addEventListener('abort', abort)
    run.source = player
    // As in FreeSWITCH: what the event socket executes is a broadcast, and stopping that ends one file, `all` or not.
    run.onBreak = (_isAll, isEnd = false) => {
      isWholeList = isEnd
      player.stop()
    }
    run.onDigits = () => {
      if (hooks.onDigits?.(channel) !== true) return
      isWholeList = true
      player.stop()
    }
    channel.fire('PLAYBACK_START', about)
    run.begun()
  })
}

function oneEnd(end: PlayEnd, isWholeList: boolean): OneEnd {
  if (end === 'done') return 'played'
  return isWholeList || end === 'timeout' ? 'stopped' : 'skipped'
}

function noteFigures(channel: Channel, player: SoundPlayer): void {
  const samples = player.playedSamples
  channel.set('playback_last_offset_pos', String(player.offsetSamples))
  channel.set('playback_seconds', String(Math.floor(samples / 8_000)))
  channel.set('playback_ms', String(Math.floor(samples / SAMPLES_PER_MS)))
  channel.set('playback_samples', String(samples))
}

/** `playback <file>`: keys in `playback_terminators` (default `*`) end it, other keys are dropped. */
export async function playback(run: AppRun): Promise<void> {
  const { channel } = run
  channel.set('playback_terminator_used', undefined)
  const outcome = await playFiles(run, run.data, { onDigits: takeTerminator })
  run.respond(outcome === 'not-found' ? 'FILE NOT FOUND' : 'FILE PLAYED')
}

/** `endless_playback <file>`: again and again until the channel is used for something else; a break begins it anew. */
export async function endlessPlayback(run: AppRun): Promise<void> {
  await repeatPlayback(run, run.data, Number.POSITIVE_INFINITY)
}

/** `loop_playback [+times] <file>`. */
export async function loopPlayback(run: AppRun): Promise<void> {
  const match = /^\+(\d+|-1)\s+(.*)$/.exec(run.data)
  const times = match === null ? 1 : Number(match[1])
  await repeatPlayback(run, match?.[2] ?? run.data, times < 0 ? Number.POSITIVE_INFINITY : times)
}

async function repeatPlayback(run: AppRun, file: string, times: number): Promise<void> {
  for (let round = 0; round < times && run.channel.isUp; round++) {
    const outcome = await playFiles(run, file, { onDigits: takeTerminator })
    run.respond(outcome === 'not-found' ? 'FILE NOT FOUND' : 'FILE PLAYED')
    if (outcome !== 'played') return
  }
}

/** `gentones <script>[|loops]`. */
export async function genTones(run: AppRun): Promise<void> {
  const [script = '', loops] = run.data.split('|')
  await playFiles(run, `tone_stream://${script}${loops === undefined ? '' : `;loops=${loops}`}`, {
    onDigits: takeTerminator
  })
}

/** Takes all waiting keys; true when one of them is a terminator. */
export function takeTerminator(channel: Channel): boolean {
  const setting = channel.get('playback_terminators') ?? '*'
  const terminators = setting === 'any' ? '0123456789*#' : setting === 'none' ? '' : setting
  for (;;) {
    const digit = channel.digits.shift()
    if (digit === undefined) return false
    if (!terminators.includes(digit)) continue
    channel.set('playback_terminator_used', digit)
    return true
  }
}
