/** What helping needs to know of a queue; times in milliseconds. */
export type HelpQueue = Readonly<{
  id: string
  name: string
  tiers: readonly Readonly<{ afterMs: number; skills: readonly Readonly<{ skill: string; minLevel: number }>[] }>[]
  maxWaitMs: number | null
  overflow: Readonly<{ kind: string; value: string }> | null
  callbackAfterMs: number | null
}>

export type HelpAgent = Readonly<{
  id: string
  name: string
  skills: readonly Readonly<{ skill: string; level: number }>[]
  queues: readonly Readonly<{ id: string }>[]
}>

type Skill = HelpAgent['skills'][number]

/** Agents who would serve the queue if they had some more skills, with the skills; the fewest first. */
export function candidatesFor(
  queue: HelpQueue,
  agents: readonly HelpAgent[]
): readonly Readonly<{ agent: HelpAgent; missing: readonly Skill[] }>[] {
  return agents
    .filter(agent => agent.queues.every(one => one.id !== queue.id))
    .flatMap(agent => {
      const ways = queue.tiers.map(tier =>
        tier.skills
          .filter(({ skill, minLevel }) => (agent.skills.find(own => own.skill === skill)?.level ?? 0) < minLevel)
          .map(({ skill, minLevel }) => ({ skill, level: minLevel }))
      )
      // A way that misses no skill misses the language, which nobody can be given here.
      const [missing] = ways.filter(way => way.length > 0).toSorted((one, other) => one.length - other.length)
      return missing === undefined ? [] : [{ agent, missing }]
    })
    .toSorted(
      (one, other) => one.missing.length - other.missing.length || one.agent.name.localeCompare(other.agent.name)
    )
}

/** The agent's skills with these at least at their levels. */
export function withSkills(skills: readonly Skill[], more: readonly Skill[]): readonly Skill[] {
  const names = new Set(more.map(one => one.skill))
  return [...skills.filter(one => !names.has(one.skill)), ...more]
}
