import { type Static, Type } from 'typebox'
import { failedExit, type NodeBehaviour, nextExit } from '../node-kind.ts'
import { closed, common, Failed, Next, template } from '../parts.ts'
import { fillText } from '../template.ts'

export const TagNode = Type.Object(
  {
    kind: Type.Literal('tag'),
    ...common,
    tags: Type.Array(template('A word that the call can be found by later'), { minItems: 1, maxItems: 20 }),
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Marks the call' }
)
export type TagNode = Static<typeof TagNode>

export const tag: NodeBehaviour<TagNode> = {
  exits: node => [nextExit(node.next), failedExit(node.failed)],
  enter: (context, node) => {
    const tags = node.tags.map(one => fillText(one, context.scope).trim()).filter(one => one !== '')
    return { kind: 'go', exit: 'next', tells: tags.length === 0 ? [] : [{ kind: 'tag', tags }] }
  }
}
