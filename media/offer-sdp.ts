/**
 * FreeSWITCH is asked for an endpoint with this offer when the far end's description is not known yet. Asking without any
 * (RFC 3261 late offer) makes it offer SRTP too, and drachtio-srf then confirms FreeSWITCH's own keys to it: noise.
 */
export const PLACEHOLDER_SDP = sdp('127.0.0.1', 9, 'inactive')

/** The offer for the far end, with the address that FreeSWITCH chose for the placeholder. */
export function offerOf(localSdp: string): string {
  const host = /^c=IN IP4 (\S+)/m.exec(localSdp)?.[1]
  const port = /^m=audio (\d+)/m.exec(localSdp)?.[1]
  if (host === undefined || port === undefined) throw new TypeError('the media server gave no address for voice')
  return sdp(host, Number(port), 'sendrecv')
}

function sdp(host: string, port: number, direction: 'sendrecv' | 'inactive'): string {
  return [
    'v=0',
    `o=parley ${port} 1 IN IP4 ${host}`,
    's=-',
    `c=IN IP4 ${host}`,
    't=0 0',
    `m=audio ${port} RTP/AVP 0 8 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-15',
    'a=ptime:20',
    `a=${direction}`,
    ''
  ].join('\r\n')
}
