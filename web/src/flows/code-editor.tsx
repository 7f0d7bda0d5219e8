import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, defaultHighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { forceLinting, linter, lintGutter, lintKeymap } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { EditorState } from '@codemirror/state'
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react'
import type { Edit } from './document.ts'
import classes from './flows.module.css'
import type { FlowProblem } from './flow-api.ts'

export type EditorHandle = Readonly<{
  /** Changes the text as if it had been typed: one history for form and text. */
  apply(edit: Edit): void
  /** Replaces everything, as one step that can be undone. */
  replace(text: string): void
  goTo(line: number, column?: number): void
  goToOffset(at: number): void
}>

/** The text of a flow; always left to right. */
export function CodeEditor({
  first,
  problems,
  label,
  isReadOnly,
  onChange,
  handle
}: Readonly<{
  first: string
  problems: readonly FlowProblem[]
  label: string
  isReadOnly: boolean
  onChange(text: string): void
  handle: Ref<EditorHandle>
}>) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const newest = useRef({ problems, onChange, first, label, isReadOnly })
  newest.current = { problems, onChange, first, label, isReadOnly }

  useEffect(() => {
    if (box.current === null) return
    const own = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: newest.current.first,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightSelectionMatches(),
          syntaxHighlighting(defaultHighlightStyle),
          yaml(),
          EditorView.lineWrapping,
          EditorState.readOnly.of(newest.current.isReadOnly),
          EditorView.contentAttributes.of({ 'aria-label': newest.current.label, dir: 'ltr' }),
          // Escape, then Tab, leaves the editor: the keyboard is never caught.
          keymap.of([...lintKeymap, ...searchKeymap, ...historyKeymap, indentWithTab, ...defaultKeymap]),
          lintGutter(),
          linter(editor =>
            newest.current.problems.map(problem => {
              const { from, to } = placeOf(editor, problem)
              return { from, to, severity: problem.severity, message: problem.message }
            })
          ),
          EditorView.updateListener.of(update => {
            if (update.docChanged) newest.current.onChange(update.state.doc.toString())
          })
        ]
      })
    })
    view.current = own
    return () => {
      own.destroy()
      view.current = null
    }
  }, [])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the marks are drawn anew when the problems are others
  useEffect(() => {
    if (view.current !== null) forceLinting(view.current)
  }, [problems])

  useImperativeHandle(handle, () => ({
    apply: edit => view.current?.dispatch({ changes: edit }),
    replace: text => view.current?.dispatch({ changes: { from: 0, to: view.current.state.doc.length, insert: text } }),
    goTo(line, column = 1) {
      if (view.current === null) return
      const { from } = placeOf(view.current, { line, column })
      view.current.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) })
      view.current.focus()
    },
    goToOffset(at) {
      view.current?.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) })
    }
  }))

  return <div ref={box} className={`ltr ${classes['code']}`} data-testid="code" />
}

function placeOf(editor: EditorView, { line, column }: Readonly<{ line: number; column: number }>) {
  const { doc } = editor.state
  const found = doc.line(Math.min(Math.max(1, line), doc.lines))
  const from = Math.min(found.from + Math.max(0, column - 1), found.to)
  const word = /^[\w.-]+/.exec(doc.sliceString(from, found.to))?.[0].length ?? 0
  return { from, to: Math.min(from + Math.max(1, word), found.to) }
}
