import { Conference } from '../conference/conference.ts'
import type { AppRun } from '../executor.ts'
import { holdMusic } from '../sound/hold-music.ts'
import { SoundPlayer } from '../sound/sound-player.ts'

/** The parts of `name[@profile][+pin][+flags{a|b}]`. */
export type ConferenceAddress = Readonly<{ name: string; profile: string; pin: string; flags: ReadonlySet<string> }>

/** Reads the argument of the `conference` application; undefined without a name. */
export function parseConferenceAddress(text: string): ConferenceAddress | undefined {
  const flags = /\+flags\{([^}]*)\}/.exec(text)
  const rest = flags === null ? text : text.replace(flags[0], '')
  const [place = '', pin = ''] = rest.split('+')
  const [name = '', profile = 'default'] = place.trim().split('@')
  if (name === '') return undefined
  return { name, profile, pin, flags: new Set((flags?.[1] ?? '').split('|').filter(flag => flag !== '')) }
}

/** `conference <name>…`: joins until kicked, hung up or the conference ends. */
export async function conference(run: AppRun): Promise<void> {
  const { channel } = run
  let address = parseConferenceAddress(run.data)
  while (address !== undefined && channel.isUp) address = await stayIn(run, address)
}

/** Stays in one room; resolves with another address when the member was transferred. */
async function stayIn(run: AppRun, address: ConferenceAddress): Promise<ConferenceAddress | undefined> {
  const { channel } = run
  const { engine } = channel
  const room =
    engine.conferences.get(address.name) ?? new Conference(engine, address.name, address.profile, channel.media.phase)
  if (room.members.size === 0) room.pin = address.pin
  if (room.isLocked || room.isFull || (room.pin !== '' && room.pin !== address.pin)) return undefined
  return await new Promise(resolve => {
    let next: ConferenceAddress | undefined
    let isIn = true
    const leave = () => {
      if (!isIn) return
      isIn = false
      channel.signal.removeEventListener('abort', leave)
      run.source = undefined
      run.onBreak = undefined
      run.onDigits = undefined
      room.part(member)
      resolve(next)
    }
    channel.signal.addEventListener('abort', leave)
    const member = room.join(channel, address.flags, leave)
    const music = new SoundPlayer(
      { path: '', type: undefined, parts: [{ sound: holdMusic(), startFrame: 0, frames: Number.POSITIVE_INFINITY }] },
      () => {}
    )
    run.source = {
      writeFrame: (codec, out, offset) =>
        room.waitsForModerator ? music.writeFrame(codec, out, offset) : member.writeFrame(codec, out, offset)
    }
    run.onBreak = isAll => {
      if (member.player === undefined || isAll) leave()
      else member.player.stop()
    }
    run.onDigits = () => {
      const keys = channel.digits.splice(0)
      for (const key of keys) room.fireMember('dtmf', member, [['DTMF-Key', key]])
    }
    member.moveTo = name => {
      next = { name, profile: address.profile, pin: '', flags: new Set() }
      leave()
    }
    run.begun()
  })
}
