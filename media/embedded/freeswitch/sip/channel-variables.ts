import type { RemoteInfo } from 'node:dgram'
import type { Channel } from '../channel.ts'
import {
  displayName,
  header,
  headerList,
  parameter,
  parseAddress,
  parseUri,
  type SipRequest,
  type SipUri
} from './message.ts'

/** Sets the variables that a channel has from its INVITE. */
export function setSipVariables(
  channel: Channel,
  invite: SipRequest,
  source: RemoteInfo,
  own: Readonly<{ profile: string; address: string }>
): void {
  const set = (name: string, value: string | undefined) => channel.set(name, value)
  const [ownHost = '', ownPort = ''] = own.address.split(':')
  const from = header(invite, 'from') ?? ''
  const to = header(invite, 'to') ?? ''
  const via = headerList(invite, 'via')[0] ?? ''
  const viaHost = via.split(/[\s;]+/)[1] ?? ''
  set('direction', 'inbound')
  set('uuid', channel.uuid)
  set('session_id', String(channel.engine.sessionsSinceStart + 1))
  setUri(channel, 'sip_from', parseAddress(from))
  set('sip_from_tag', parameter(from, 'tag'))
  set('sip_from_display', displayName(from))
  set('channel_name', channel.name)
  set('sip_call_id', header(invite, 'call-id'))
  set('ep_codec_string', 'CORE_PCM_MODULE.PCMU@8000h@20i@64000b,CORE_PCM_MODULE.PCMA@8000h@20i@64000b')
  set('sip_local_network_addr', ownHost)
  set('sip_network_ip', source.address)
  set('sip_network_port', String(source.port))
  set('sip_received_ip', source.address)
  set('sip_received_port', String(source.port))
  set('sip_via_protocol', 'udp')
  set('sip_via_host', viaHost.replace(/:\d+$/, ''))
  set('sip_via_port', /:(\d+)$/.exec(viaHost)?.[1])
  set('sip_via_rport', String(source.port))
  set('sofia_profile_name', own.profile)
  set('sofia_profile_url', `sip:mod_sofia@${ownHost}:${ownPort}`)
  set('recovery_profile_name', own.profile)
  set('sip_full_via', via)
  set('sip_full_from', from)
  set('sip_full_to', to)
  setUri(channel, 'sip_req', parseUri(invite.uri))
  setUri(channel, 'sip_to', parseAddress(to))
  setUri(channel, 'sip_contact', parseAddress(header(invite, 'contact') ?? ''))
  set('sip_user_agent', header(invite, 'user-agent'))
  set('max_forwards', header(invite, 'max-forwards'))
  set('call_uuid', channel.uuid)
  set('rtp_use_timer_name', 'soft')
  set('rtp_use_ssrc', String(channel.media.ssrc))
  set('endpoint_disposition', 'ANSWER')
  for (const [name, value] of invite.headers) if (/^X-/i.test(name)) set(`sip_h_${name}`, value)
}

function setUri(channel: Channel, prefix: string, uri: SipUri | undefined): void {
  if (uri === undefined) return
  channel.set(`${prefix}_user`, uri.user)
  channel.set(`${prefix}_host`, uri.host)
  channel.set(`${prefix}_port`, String(uri.port))
  channel.set(`${prefix}_uri`, `${uri.user === '' ? '' : `${uri.user}@`}${uri.host}:${uri.port}`)
}
