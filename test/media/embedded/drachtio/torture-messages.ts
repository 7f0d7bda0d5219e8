/**
 * The torture messages of RFC 4475, by the names that it gives them. `expect` is what the server does with a request:
 * `app` (handed to an application), a status, or `none` (nothing may be sent). Line ends are written as \n here.
 * Where the RFC leaves a choice, the comment says which one was taken.
 */
export type Torture = Readonly<{ name: string; text: string | Buffer; expect: number | 'app' | 'none'; why: string }>

const VIA = 'Via: SIP/2.0/UDP host.example.com;branch=z9hG4bK'
const crlf = (text: string) => text.replace(/\r?\n/g, '\r\n')
const message = (name: string, expect: Torture['expect'], why: string, text: string): Torture => ({
  name,
  expect,
  why,
  text: crlf(text)
})
/** The common headers of a simple request, to keep the odd part of each message in view. */
const common = (name: string, method: string) => `Max-Forwards: 70
From: <sip:caller@example.net>;tag=${name}
To: <sip:user@example.com>
Call-ID: ${name}.1
CSeq: 8 ${method}
${VIA}${name}
`
const SDP = `v=0
o=mhandley 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0
`
const withSdp = (head: string) => `${head}Content-Type: application/sdp
Content-Length: ${Buffer.byteLength(crlf(SDP))}

${SDP}`

export const TORTURE: readonly Torture[] = [
  message(
    'wsinv',
    481,
    '3.1.1.1: folding, case, compact forms, blanks; its To tag names no dialog of ours',
    `INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 0
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

`
  ),
  message(
    'intmeth',
    501,
    '3.1.1.2: odd but allowed characters; the method is unknown to us',
    `!interesting-Method0123456789_*+\`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
${VIA}-.!%66*_+\`'~
To: "BEL:\\\u0007 NUL:\\\u0000 DEL:\\\u007f" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~\` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="\u0440\u0430";tag=_token~1'+\`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word\`~)(><:\\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+\`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_\`'~: \ufeff\u5927\u505c\u96fb
Content-Length: 0

`.replace('\\\u0000', 'x')
  ),
  message(
    'esc01',
    'app',
    '3.1.1.3: escapes that must stay as they are',
    `INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: ${Buffer.byteLength(crlf(SDP))}

${SDP}`
  ),
  message(
    'escnull',
    'app',
    '3.1.1.4: escaped nulls in URIs',
    `REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

`
  ),
  message(
    'esc02',
    501,
    '3.1.1.5: a percent sign that is no escape; the method is unknown to us',
    `RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

`
  ),
  message(
    'lwsdisp',
    'app',
    '3.1.1.6: no blank between display name and <',
    `OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

`
  ),
  message(
    'longreq',
    'app',
    '3.1.1.7: very long values',
    `INVITE sip:user@example.com SIP/2.0
To: "I have a user name of ${'extreme '.repeat(200)}proportion" <sip:user@example.com:6000;unknownparam1=very${'long'.repeat(400)}value>
F: sip:${'amazinglylongcallername'.repeat(30)}@example.net;tag=12982${'982424'.repeat(100)};unknownheaderparamname${'ver'.repeat(60)}=unknownheaderparamvalue
Call-ID: longreq.one${'really'.repeat(100)}longcallid
CSeq: 3882340 INVITE
Unknown-${'Long'.repeat(100)}-Name: unknown-${'long'.repeat(100)}-value
Via: SIP/2.0/TCP sip33.example.com
v: SIP/2.0/TCP sip32.example.com
V: SIP/2.0/TCP sip31.example.com
Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very${'long'.repeat(60)}branchvalue
Max-Forwards: 70
Contact: <sip:${'amazinglylongcallername'.repeat(30)}@host5.example.net>
Content-Type: application/sdp
l: ${Buffer.byteLength(crlf(SDP))}

${SDP}`
  ),
  message(
    'dblreq',
    'app',
    '3.1.1.8: a second request after the body of a datagram is ignored',
    `REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
Max-Forwards: 8
Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234
Content-Type: application/sdp
Content-Length: 0

`
  ),
  message(
    'semiuri',
    'app',
    '3.1.1.9: semicolons in the user part',
    `OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

`
  ),
  message(
    'transports',
    'app',
    '3.1.1.10: other and unknown transports in Via',
    `OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

`
  ),
  {
    name: 'mpart01',
    expect: 'app',
    why: '3.1.1.11: multipart with binary parts',
    text: Buffer.concat([
      Buffer.from(
        crlf(`MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Route: <sip:kumiko@proxy.example.org;lr>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=2fb0dcc9
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Content-Length: 60

`)
      ),
      Buffer.from('--7a9cbec02ceef655\r\n\r\n'),
      Buffer.from([0x30, 0x82, 0x00, 0xff, 0xfe, 0x80, 0x0d, 0x0a, 0x00, 0x01, 0xc3, 0x28]),
      Buffer.from('\r\n--7a9cbec02ceef655--\r\n\r\n')
    ])
  },
  message(
    'badinv01',
    400,
    '3.1.2.1: extraneous separators',
    `INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: 0

`
  ),
  message(
    'clerr',
    400,
    '3.1.2.2: Content-Length larger than the datagram',
    `INVITE sip:user@example.com SIP/2.0
Max-Forwards: 80
To: sip:j.user@example.com
From: sip:caller@example.net;tag=93942939o2
Contact: <sip:caller@hungry.example.net>
Call-ID: clerr.0ha0isndaksdjweiafasdk3
CSeq: 8 INVITE
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bK-39234-23523
Content-Type: application/sdp
Content-Length: 9999

${SDP}`
  ),
  message(
    'ncl',
    400,
    '3.1.2.3: negative Content-Length',
    `INVITE sip:user@example.com SIP/2.0
${common('ncl', 'INVITE')}Contact: <sip:caller@host5.example.net>
Content-Type: application/sdp
Content-Length: -999

${SDP}`
  ),
  message(
    'scalar02',
    400,
    '3.1.2.4: numbers out of range in a request',
    `REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
To: <sip:user@example.com>
From: <sip:user@example.com>;tag=239232jh3
CSeq: 36893488147419103232 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
Expires: 1${'0'.repeat(100)}
Contact: <sip:user@host129.example.com>
  ;expires=280297596632815
Content-Length: 0

`
  ),
  message(
    'scalarlg',
    'none',
    '3.1.2.5: numbers out of range in a response',
    `SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture "In Progress"
Content-Length: 0

`
  ),
  message(
    'quotbal',
    400,
    '3.1.2.6: an open quote',
    `INVITE sip:user@example.com SIP/2.0
To: "Mr. J. User <sip:j.user@example.com>
From: sip:caller@example.net;tag=93334
Max-Forwards: 10
Call-ID: quotbal.aksdj
Contact: <sip:caller@host59.example.net>
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKkdjuw39234
Content-Length: 0

`
  ),
  message(
    'ltgtruri',
    400,
    '3.1.2.7: brackets around the Request-URI',
    `INVITE <sip:user@example.com> SIP/2.0
${common('ltgtruri', 'INVITE')}Contact: <sip:caller@host5.example.net>
Content-Length: 0

`
  ),
  message(
    'lwsruri',
    400,
    '3.1.2.8: a blank in the Request-URI',
    `INVITE sip:user@example.com; lr SIP/2.0
${common('lwsruri', 'INVITE')}Contact: <sip:caller@host5.example.net>
Content-Length: 0

`
  ),
  message(
    'lwsstart',
    400,
    '3.1.2.9: several blanks in the request line (400 chosen)',
    `INVITE  sip:user@example.com  SIP/2.0
${common('lwsstart', 'INVITE')}Contact: <sip:caller@host5.example.net>
Content-Length: 0

`
  ),
  message(
    'trws',
    400,
    '3.1.2.10: blanks after the request line (400 chosen)',
    `OPTIONS sip:remote-target@example.com SIP/2.0  \n${common('trws', 'OPTIONS')}Content-Length: 0

`
  ),
  message(
    'escruri',
    400,
    '3.1.2.11: headers in the Request-URI',
    `INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0
${common('escruri', 'INVITE')}Contact: <sip:caller@host5.example.net>
Content-Length: 0

`
  ),
  message(
    'baddate',
    'app',
    '3.1.2.12: a Date with another time zone (ignored, as allowed)',
    withSdp(`INVITE sip:user@example.com SIP/2.0
${common('baddate', 'INVITE')}Date: Fri, 01 Jan 2010 16:00:00 EST
Contact: <sip:caller@host5.example.net>
`)
  ),
  message(
    'regbadct',
    400,
    '3.1.2.13: a Contact with headers and no brackets',
    `REGISTER sip:example.com SIP/2.0
${common('regbadct', 'REGISTER')}Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E
l: 0

`
  ),
  message(
    'badaspec',
    400,
    '3.1.2.14: blanks inside the brackets',
    `OPTIONS sip:user@example.org SIP/2.0
Via: SIP/2.0/UDP host4.example.com:5060;branch=z9hG4bKkdju43234
Max-Forwards: 70
From: "Bell, Alexander" <sip:a.g.bell@example.com>;tag=433423
To: "Watson, Thomas" < sip:t.watson@example.org >
Call-ID: badaspec.sdf0234n2nds0a099u23h3hnnw009cdkne3
Accept: application/sdp
CSeq: 3923239 OPTIONS
l: 0

`
  ),
  message(
    'baddn',
    400,
    '3.1.2.15: a display name that needs quotes (400 chosen)',
    `OPTIONS sip:t.watson@example.org SIP/2.0
Via:     SIP/2.0/UDP c.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards:      70
From:    Bell, Alexander <sip:a.g.bell@example.com>;tag=43
To:      Watson, Thomas <sip:t.watson@example.org>
Call-ID: baddn.31415@c.example.com
Accept: application/sdp
CSeq:    3923239 OPTIONS
l: 0

`
  ),
  message(
    'badvers',
    505,
    '3.1.2.16: another protocol version',
    `OPTIONS sip:t.watson@example.org SIP/7.0
${common('badvers', 'OPTIONS')}l: 0

`
  ),
  message(
    'mismatch01',
    400,
    '3.1.2.17: methods differ',
    `OPTIONS sip:user@example.com SIP/2.0
${common('mismatch01', 'INVITE')}l: 0

`
  ),
  message(
    'mismatch02',
    400,
    '3.1.2.18: methods differ and one is unknown',
    `NEWMETHOD sip:user@example.com SIP/2.0
${common('mismatch02', 'INVITE')}l: 0

`
  ),
  message(
    'bigcode',
    'none',
    '3.1.2.19: an overlarge status code',
    `SIP/2.0 4294967301 better not break the receiver
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i
CSeq: 353494 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

`
  ),
  message(
    'badbranch',
    'app',
    '3.2.1: a branch that is only the magic cookie (matched as in RFC 2543)',
    `OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK
Accept: application/sdp
Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n
CSeq: 8 OPTIONS
l: 0

`
  ),
  message(
    'insuf',
    400,
    '3.3.1: Call-ID, From and To are missing',
    `INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: 0

`
  ),
  message(
    'unkscm',
    416,
    '3.3.2: an unknown scheme',
    `OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0
${common('unkscm', 'OPTIONS')}Content-Length: 0

`
  ),
  message(
    'novelsc',
    416,
    '3.3.3: a known scheme that is no SIP',
    `OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0
${common('novelsc', 'OPTIONS')}Content-Length: 0

`
  ),
  message(
    'unksm2',
    'app',
    '3.3.4: unknown schemes elsewhere are the business of the application',
    `REGISTER sip:example.com SIP/2.0
To: isbn:2983792873
From: <http://www.example.com>;tag=3234233
Call-ID: unksm2.daksdj@hyphenated-host.example.com
CSeq: 234902 REGISTER
Max-Forwards: 70
Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw
Contact: <name:John_Smith>
l: 0

`
  ),
  message(
    'bext01',
    420,
    '3.3.5: unknown extensions are required',
    `OPTIONS sip:user@example.com SIP/2.0
${common('bext01', 'OPTIONS')}Require: nothingSupportsThis, nothingSupportsThisEither
Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis
Content-Length: 0

`
  ),
  message(
    'invut',
    'app',
    '3.3.6: an unknown body type is the business of the application',
    `INVITE sip:user@example.com SIP/2.0
${common('invut', 'INVITE')}Contact: <sip:caller@host5.example.net>
Content-Type: application/unknownformat
Content-Length: 40

<audio>
 <pcmu port="443"/>
</audio>
    
`
  ),
  message(
    'regaut01',
    'app',
    '3.3.7: an unknown authorization scheme is the business of the application',
    `REGISTER sip:example.com SIP/2.0
${common('regaut01', 'REGISTER')}Authorization: NoOneKnowsThisScheme opaque-data=here
Content-Length:0

`
  ),
  message(
    'multi01',
    400,
    '3.3.8: several values where one is allowed',
    `INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: 0
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5

`
  ),
  message(
    'mcl01',
    400,
    '3.3.9: two Content-Lengths',
    `OPTIONS sip:user@example.com SIP/2.0
${common('mcl01', 'OPTIONS')}Content-Length: 13
Content-Length: 5

There's no way to know how many octets are supposed to be here.
`
  ),
  message(
    'bcast',
    'none',
    '3.3.10: a response whose Via is a broadcast address',
    `SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 154
Content-Type: application/sdp

v=0
`
  ),
  message(
    'zeromf',
    'app',
    '3.3.11: Max-Forwards of zero is answered by the one it reached',
    `OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=3ghsd41
Call-ID: zeromf.jfasdlfnm2o2l43r5u0asdfas
CSeq: 39234321 OPTIONS
Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw2349i
Max-Forwards: 0
Content-Length: 0

`
  ),
  message(
    'cparam01',
    'app',
    '3.3.12: a parameter after the contact',
    `REGISTER sip:example.com SIP/2.0
${common('cparam01', 'REGISTER')}Contact: sip:+19725552222@gw1.example.net;unknownparam
l: 0

`
  ),
  message(
    'cparam02',
    'app',
    '3.3.13: a parameter inside the contact',
    `REGISTER sip:example.com SIP/2.0
${common('cparam02', 'REGISTER')}Contact: <sip:+19725552222@gw1.example.net;unknownparam>
l: 0

`
  ),
  message(
    'regescrt',
    'app',
    '3.3.14: a Route escaped inside the contact',
    `REGISTER sip:example.com SIP/2.0
${common('regescrt', 'REGISTER')}Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>
L:0

`
  ),
  message(
    'sdp01',
    'app',
    '3.3.15: no acceptable body type',
    withSdp(`INVITE sip:user@example.com SIP/2.0
${common('sdp01', 'INVITE')}Contact: <sip:caller@host5.example.net>
Accept: text/nobodyKnowsThis
`)
  ),
  message(
    'inv2543',
    'app',
    '3.4.1: an INVITE as RFC 2543 wrote it',
    `INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Contact: <sip:+13035551111@ift.client.example.net>
Content-Type: application/sdp
l: ${Buffer.byteLength(crlf(SDP))}

${SDP}`
  )
]
