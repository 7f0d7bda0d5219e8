import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { useStore } from '../store.ts'
import type { Hit, Transcript, Utterance } from './api.ts'
import type { Player } from './player-state.ts'
import classes from './quality.module.css'

/** What was said, in step with the sound. Only the lines in sight are drawn; a click goes there. */
export function TranscriptList({
  transcript,
  player,
  hits
}: Readonly<{ transcript: Transcript; player: Player; hits: readonly Hit[] }>) {
  const { t } = useTranslation('quality')
  const { duration } = useFormat()
  const box = useRef<HTMLElement>(null)
  const { utterances } = transcript
  const current = useStore(player.state, state => indexAt(utterances, state.ms))
  const virtual = useVirtualizer({
    count: utterances.length,
    getScrollElement: () => box.current,
    estimateSize: () => 44,
    overscan: 12
  })
  const marks = useMemo(() => new Map(hits.map(hit => [hit.utterance, hit.marks])), [hits])
  useEffect(() => {
    // Whoever reads elsewhere in the text is not pulled away.
    if (current >= 0 && box.current?.contains(document.activeElement) !== true)
      virtual.scrollToIndex(current, { align: 'auto' })
  }, [current, virtual])
  return (
    <section
      ref={box}
      className={classes['transcript']}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={t('transcript.label')}
      data-testid="transcript"
    >
      <ol style={{ blockSize: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(item => {
          const one = utterances[item.index]
          return one === undefined ? null : (
            <li
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              data-current={item.index === current}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <button type="button" onClick={() => player.seek(one.startMs)} aria-current={item.index === current}>
                <span className={`ltr ${classes['clock']}`}>{duration(one.startMs)}</span>
                <span className={classes['who']} data-speaker={one.speaker}>
                  {t(`speaker.${one.speaker}`)}
                </span>
                <Line
                  utterance={one}
                  language={transcript.language}
                  marks={marks.get(one.index) ?? []}
                  player={player}
                  isCurrent={item.index === current}
                />
              </button>
            </li>
          )
        })}
      </ol>
    </section>
  )
}

function Line({
  utterance,
  language,
  marks,
  player,
  isCurrent
}: Readonly<{
  utterance: Utterance
  language: string
  marks: Hit['marks']
  player: Player
  isCurrent: boolean
}>) {
  const word = useStore(player.state, state => (isCurrent ? wordAt(utterance, state.ms) : -1))
  const pieces = useMemo(() => cut(utterance, marks, word), [utterance, marks, word])
  return (
    <span lang={language} dir="auto" className={classes['text']}>
      {pieces.map(piece =>
        piece.kind === 'plain' ? (
          piece.text
        ) : piece.kind === 'hidden' ? (
          <span key={piece.from} className={classes['hidden']}>
            {piece.text}
          </span>
        ) : (
          <mark key={`${piece.kind} ${piece.from}`} data-kind={piece.kind}>
            {piece.text}
          </mark>
        )
      )}
    </span>
  )
}

type Piece = Readonly<{ kind: 'plain' | 'hidden' | 'hit' | 'now'; from: number; text: string }>

/** Cuts the text at everything that is marked in it; the word that is being said wins. */
export function cut(utterance: Utterance, marks: Hit['marks'], word: number): readonly Piece[] {
  const { text } = utterance
  const kinds: Piece['kind'][] = Array.from({ length: text.length }, () => 'plain')
  const fill = (from: number, to: number, kind: Piece['kind']) => kinds.fill(kind, from, to)
  for (const span of utterance.personal) fill(span.from, span.to, 'hidden')
  for (const [from, to] of marks) fill(from, to, 'hit')
  const now = utterance.words[word]
  if (now !== undefined) fill(now[0], now[1], 'now')
  const pieces: Piece[] = []
  for (let at = 0; at < text.length; ) {
    let end = at + 1
    while (end < text.length && kinds[end] === kinds[at]) end += 1
    pieces.push({ kind: kinds[at] ?? 'plain', from: at, text: text.slice(at, end) })
    at = end
  }
  return pieces
}

/** The utterance that is going on, or the last one that has begun. */
export function indexAt(utterances: readonly Utterance[], ms: number): number {
  return utterances.findLastIndex(one => one.startMs <= ms)
}

function wordAt(utterance: Utterance, ms: number): number {
  return utterance.words.findLastIndex(one => one[2] <= ms && one[3] >= ms)
}
