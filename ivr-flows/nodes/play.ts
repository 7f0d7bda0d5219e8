import { type Static, Type } from 'typebox'
import { failedExit, type NodeBehaviour, nextExit } from '../node-kind.ts'
import { closed, common, Failed, Next, ONE_OF, PromptFile, PromptUrl } from '../parts.ts'
import { afterPlaying, playOnce } from './playing.ts'

export const PlayNode = Type.Object(
  {
    kind: Type.Literal('play'),
    ...common,
    file: Type.Optional(PromptFile),
    url: Type.Optional(PromptUrl),
    bargeIn: Type.Optional(Type.Boolean({ description: 'Whether a key stops it (default false)' })),
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Plays a recorded file or a sound from the web', [ONE_OF]: ['file', 'url'] }
)
export type PlayNode = Static<typeof PlayNode>

export const play: NodeBehaviour<PlayNode> = {
  exits: node => [nextExit(node.next), failedExit(node.failed)],
  enter: (context, { file, url, bargeIn = false }) =>
    playOnce(context, context.prompts(file === undefined ? { url: url ?? '' } : { file }), bargeIn),
  resume: (_context, _node, answer) => afterPlaying(answer)
}
