import { splitArguments } from '../arguments.ts'
import { Recorder } from '../apps/record.ts'
import type { Conference } from '../conference/conference.ts'
import type { Member } from '../conference/member.ts'
import type { Engine } from '../engine.ts'
import { SoundPlayer } from '../sound/sound-player.ts'

type Order = (room: Conference, args: readonly string[], engine: Engine) => string | Promise<string>

/** `conference <name> <order> …` and `conference list|json_list`. */
export async function conferenceCommand(engine: Engine, text: string): Promise<string> {
  const args = splitArguments(text)
  const [name, order] = args
  if (name === undefined) return "Conference command, not specified.\nTry 'help'\n"
  if (name === 'list' || name === 'json_list' || name === 'xml_list') return listAll(engine, name, args.slice(1))
  const room = engine.conferences.get(name)
  if (room === undefined) return `-ERR Conference ${name} not found\n`
  if (order === undefined) return "Conference command, not specified.\nTry 'help'\n"
  const run = ORDERS[order.toLowerCase()]
  if (run === undefined) return `-ERR Conference command '${order}' not found.\n`
  return await run(room, args.slice(2), engine)
}

function listAll(engine: Engine, name: string, args: readonly string[]): string {
  const rooms = [...engine.conferences.values()]
  if (name === 'json_list') return JSON.stringify(rooms.map(describe))
  if (rooms.length === 0) return '+OK No active conferences.\n'
  return rooms
    .map(room => {
      const count = room.members.size
      const head = `+OK Conference ${room.name} (${count} member${count === 1 ? '' : 's'} rate: 8000 flags: ${room.isLocked ? 'locked|' : ''}running|answered|dynamic)\n`
      return args.includes('summary') ? head : head + listMembers(room, args)
    })
    .join('')
}

function listMembers(room: Conference, args: readonly string[]): string {
  if (args.includes('count')) return String(room.members.size)
  const members = [...room.members.values()].reverse()
  if (args.includes('pretty')) {
    return members
      .map(member => `${member.id}) ${member.channel.caller.name} (${member.channel.caller.number})\n`)
      .join('')
  }
  return members
    .map(member => {
      const abilities = [
        ...(member.canHear ? ['hear'] : []),
        ...(member.canSpeak ? ['speak'] : []),
        ...(member.isTalking ? ['talking'] : []),
        ...(room.floorId === member.id ? ['floor'] : []),
        ...(member.isModerator ? ['moderator'] : []),
        ...(member.isGhost ? ['ghost'] : [])
      ]
      const { channel } = member
      const fields = [
        member.id,
        channel.name,
        channel.uuid,
        channel.caller.name,
        channel.caller.number,
        abilities.join('|'),
        0,
        0,
        100
      ]
      return `${fields.join(';')}\n`
    })
    .join('')
}

function describe(room: Conference): object {
  return {
    conference_name: room.name,
    member_count: room.members.size,
    ghost_count: [...room.members.values()].filter(member => member.isGhost).length,
    rate: 8_000,
    run_time: Math.floor((Date.now() - room.startedAtMs) / 1000),
    conference_uuid: room.uuid,
    running: true,
    answered: true,
    dynamic: true,
    locked: room.isLocked,
    recording: room.recordings.size > 0,
    members: [...room.members.values()].map(member => ({
      type: 'caller',
      id: member.id,
      flags: {
        can_hear: member.canHear,
        can_see: false,
        can_speak: member.canSpeak,
        hold: member.isOnHold,
        mute_detect: false,
        talking: member.isTalking,
        has_video: false,
        has_floor: room.floorId === member.id,
        is_moderator: member.isModerator,
        end_conference: member.endsConference
      },
      uuid: member.channel.uuid,
      caller_id_name: member.channel.caller.name,
      caller_id_number: member.channel.caller.number,
      join_time: Math.floor((Date.now() - member.joinedAtMs) / 1000),
      last_talking: 0,
      energy: 100,
      volume_in: 0,
      volume_out: 0
    }))
  }
}

/** An order to a member, to `all`, to `non_moderator` or to the `last` that came. */
function forMembers(answer: (member: Member, room: Conference, args: readonly string[]) => string): Order {
  return (room, args) => {
    const [who = ''] = args
    const all = [...room.members.values()]
    const chosen =
      who === 'all'
        ? all
        : who === 'non_moderator'
          ? all.filter(member => !member.isModerator)
          : who === 'last'
            ? all.slice(-1)
            : all.filter(member => String(member.id) === who)
    if (chosen.length === 0) return /^\d+$/.test(who) ? `-ERR Non-Existant ID ${who}\n` : '-ERR Non-Existant member\n'
    return chosen.map(member => answer(member, room, args)).join('')
  }
}

function switchOrder(word: string, event: string, apply: (member: Member) => void): Order {
  return forMembers((member, room) => {
    apply(member)
    room.fireMember(event, member)
    return `+OK ${word} ${member.id}\n`
  })
}

function goOrder(answer: string, event: string): Order {
  return forMembers((member, room) => {
    room.fireMember(event, member)
    setImmediate(() => member.leave())
    return `+OK ${answer} ${member.id}\n`
  })
}

const ORDERS: Readonly<Record<string, Order>> = {
  list: (room, args) => listMembers(room, args),
  count: room => String(room.members.size),
  mute: switchOrder('mute', 'mute-member', member => {
    member.canSpeak = false
  }),
  unmute: switchOrder('unmute', 'unmute-member', member => {
    member.canSpeak = true
  }),
  tmute: forMembers((member, room) => {
    member.canSpeak = !member.canSpeak
    room.fireMember(member.canSpeak ? 'unmute-member' : 'mute-member', member)
    return `+OK ${member.canSpeak ? 'unmute' : 'mute'} ${member.id}\n`
  }),
  deaf: switchOrder('deaf', 'deaf-member', member => {
    member.canHear = false
  }),
  undeaf: switchOrder('undeaf', 'undeaf-member', member => {
    member.canHear = true
  }),
  hold: switchOrder('hold', 'hold-member', member => {
    member.isOnHold = true
  }),
  unhold: switchOrder('unhold', 'unhold-member', member => {
    member.isOnHold = false
  }),
  kick: goOrder('kicked', 'kick-member'),
  hup: goOrder('hup', 'hup-member'),
  vmute: switchOrder('vmute', 'vmute-member', () => {}),
  unvmute: switchOrder('unvmute', 'unvmute-member', () => {}),
  volume_in: volumeOrder('IN', (member, gain) => {
    member.gainIn = gain
  }),
  volume_out: volumeOrder('OUT', (member, gain) => {
    member.gainOut = gain
  }),
  dtmf: forMembers((member, room, args) => {
    member.channel.media.sendDigits(args[1] ?? '', 250)
    room.fireMember('dtmf-member', member, [['Digits', args[1] ?? '']])
    return `+OK sent ${args[1] ?? ''} to ${member.id}\n`
  }),
  play,
  stop: (room, args) => {
    const member = room.members.get(Number(args[1] ?? Number.NaN))
    if (args[1] !== undefined && member === undefined) return `-ERR Member: ${args[1]} not found.\n`
    if (member === undefined) return `+OK Stopped ${room.stopPlaying(args[0] === 'all')} files.\n`
    const count = member.player === undefined ? 0 : 1
    member.player?.stop()
    return `+OK Stopped ${count} files.\n`
  },
  lock: room => {
    room.isLocked = true
    room.fire('lock')
    return `+OK ${room.name} locked\n`
  },
  unlock: room => {
    room.isLocked = false
    room.fire('unlock')
    return `+OK ${room.name} unlocked\n`
  },
  set: (room, args) => {
    const [name = '', value = ''] = args
    if (name === 'pin') {
      room.pin = value
      return ''
    }
    const before = room.settings.get(name) ?? ''
    room.settings.set(name, value)
    return before
  },
  get: (room, args) => {
    const [name = ''] = args
    if (name === 'count') return String(room.members.size)
    if (name === 'run_time') return String(Math.floor((Date.now() - room.startedAtMs) / 1000))
    if (name === 'uuid') return room.uuid
    return room.settings.get(name) ?? ''
  },
  pin: (room, args) => {
    room.pin = args[0] ?? ''
    return `+OK Pin for conference ${room.name} set: ${room.pin}\n`
  },
  nopin: room => {
    room.pin = ''
    return `+OK Pin for conference ${room.name} deleted\n`
  },
  tag: forMembers((member, _room, args) => {
    member.tag = args[1] ?? ''
    return '+OK\n'
  }),
  gettag: (room, args) => {
    const isNegated = args[1] === 'nomatch'
    const chosen = [...room.members.values()].filter(member => (member.tag === args[0]) !== isNegated)
    return `${chosen.map(member => member.id).join(',')}\n`
  },
  relate,
  transfer: (room, args) => {
    const [target = '', ...ids] = args
    return ids
      .map(id => {
        const member = room.members.get(Number(id))
        if (member === undefined) return `-ERR No Member ${id} in conference ${room.name}.\n`
        room.fireMember('transfer', member, [
          ['Old-Conference-Name', room.name],
          ['New-Conference-Name', target]
        ])
        setImmediate(() => member.moveTo(target))
        return `+OK Member '${member.id}' sent to conference ${target}.\n`
      })
      .join('')
  },
  recording: async (room, args, engine) => {
    const [order = '', path = ''] = args
    if (order === 'start') return startRecording(room, path, engine)
    if (order === 'stop') return await stopRecording(room, path)
    if (order === 'check') {
      return room.recordings.size === 0
        ? '-ERR Conference is not being recorded.\n'
        : [...room.recordings.keys()].map(file => `+OK Record file ${file}\n`).join('')
    }
    return `-ERR Conference command 'recording ${order}' not found.\n`
  },
  record: (room, args, engine) => startRecording(room, args[0] ?? '', engine),
  norecord: async (room, args) => await stopRecording(room, args[0] ?? 'all'),
  chkrecord: room =>
    room.recordings.size === 0
      ? '-ERR Conference is not being recorded.\n'
      : [...room.recordings.keys()].map(file => `+OK Record file ${file}\n`).join('')
}

function volumeOrder(side: string, apply: (member: Member, gain: number) => void): Order {
  return forMembers((member, room, args) => {
    const level = Math.max(-4, Math.min(4, Math.trunc(Number(args[1] ?? 0)) || 0))
    apply(member, 10 ** ((level * 6) / 20))
    room.fireMember(`volume-${side.toLowerCase()}-member`, member, [['Volume-Level', String(level)]])
    return `+OK Volume ${side} ${member.id} = ${level}\n`
  })
}

async function play(room: Conference, args: readonly string[], engine: Engine): Promise<string> {
  const file = args[0] ?? ''
  const target = args.slice(1).find(word => /^(\d+|last)$/.test(word))
  const playable = await engine.sounds.resolve(file).catch(() => undefined)
  const member = target === 'last' ? [...room.members.values()].at(-1) : room.members.get(Number(target ?? Number.NaN))
  if (target !== undefined && member === undefined) return `-ERR Member: ${target} not found.\n`
  if (playable === undefined) return `-ERR (play) File: ${file === '' ? '(unspecified)' : file} not found.\n`
  if (member === undefined) {
    room.play(file, playable, args.includes('async'))
    return `+OK (play) Playing file ${file}\n`
  }
  member.player?.stop()
  const player = new SoundPlayer(playable, () => {
    if (member.player === player) member.player = undefined
    const samples = player.playedSamples
    room.fireMember('play-file-member-done', member, [
      ['File', file],
      ['seconds', String(Math.floor(samples / 8_000))],
      ['milliseconds', String(Math.floor(samples / 8))],
      ['samples', String(samples)]
    ])
  })
  member.player = player
  room.fireMember('play-file-member', member, [['File', file]])
  return `+OK (play) Playing file ${file} to member ${member.id}\n`
}

/** `relate <member> <other> nospeak|nohear|clear`: how a whisper is made. */
function relate(room: Conference, args: readonly string[]): string {
  const [id = '', otherIds = '', action = ''] = args
  if (id === '') {
    const lines = [...room.members.values()].flatMap(member =>
      [...member.relationships].map(
        ([other, relation]) =>
          `${member.id} -> ${other} ${relation.canSpeak ? 'SPEAK ' : 'NOSPEAK '}${relation.canHear ? 'HEAR' : 'NOHEAR'}\n`
      )
    )
    return lines.length === 0 ? '+OK No relationships\n' : lines.join('')
  }
  const member = room.members.get(Number(id))
  return otherIds
    .split(',')
    .map(other => {
      if (member === undefined || !room.members.has(Number(other)))
        return `-ERR relationship ${id}->${other} not found.\n`
      if (action === 'clear') {
        member.relationships.delete(Number(other))
        return `+OK relationship ${id}->${other} cleared.\n`
      }
      member.relationships.set(Number(other), {
        canSpeak: !action.includes('nospeak'),
        canHear: !action.includes('nohear')
      })
      return `+OK ${id}->${other} ${action} set\n`
    })
    .join('')
}

function startRecording(room: Conference, path: string, engine: Engine): string {
  if (room.recordings.has(path)) return `-ERR file [${path}] is already being used for recording.\n`
  const recorder = new Recorder(path, 1)
  recorder.opened.catch(err => engine.log.error({ err, path }, 'conference recording failed'))
  room.recordings.set(path, { tap: recorder, stop: () => recorder.stop() })
  room.fire('start-recording', [['Path', path]])
  return `+OK Record file ${path}\n`
}

async function stopRecording(room: Conference, path: string): Promise<string> {
  const chosen = path === 'all' ? [...room.recordings] : [...room.recordings].filter(([file]) => file === path)
  if (chosen.length === 0) return `-ERR non-existant recording '${path}'\n`
  for (const [file, recording] of chosen) {
    room.recordings.delete(file)
    await recording.stop()
    room.fire('stop-recording', [['Path', file]])
  }
  return `+OK Stopped recording ${chosen.length} file${chosen.length === 1 ? '' : 's'}\n`
}
