/**
 * Who is to hear whom in a call with agents, as a pure plan. Parties in one group hear each other; a party may be in one
 * group only. Whoever is in none hears music or nothing.
 */
export type AudioPlan = Readonly<{ groups: readonly (readonly string[])[]; music: readonly string[] }>

export type ConversationMode = 'talking' | 'onHold' | 'consulting' | 'conference'

/** What a plan is made from. Ids of parties that are connected; one who rings has no audio to plan. */
export type ConversationShape = Readonly<{
  mode: ConversationMode
  customer: string | null
  /** The agent whose call it is; null while that agent's softphone is away, and after the agent has left. */
  agent: string | null
  /** Who is consulted; null while nobody is. */
  consulted: string | null
  /** Everybody else in a conference. */
  others: readonly string[]
  /** In a consultation: whether the agent talks to the customer just now, and not to the one who is consulted. */
  isWithCustomer: boolean
}>

/** Silence is never what a customer hears: one who talks to nobody gets music. */
export function planAudio(shape: ConversationShape): AudioPlan {
  const { mode, customer, agent, consulted, others, isWithCustomer } = shape
  const groups: string[][] = []
  const music: string[] = []
  const talk = (...parties: (string | null)[]) => {
    const present = parties.filter(party => party !== null)
    if (present.length > 1) groups.push(present)
    return present.length > 1
  }
  switch (mode) {
    case 'talking':
      if (!talk(customer, agent, ...others)) addMusic(customer, ...others)
      break
    case 'onHold':
      addMusic(customer)
      break
    case 'consulting': {
      const [first, second] = isWithCustomer ? [customer, consulted] : [consulted, customer]
      if (!talk(first, agent)) addMusic(first)
      addMusic(second)
      break
    }
    case 'conference':
      if (!talk(customer, agent, consulted, ...others)) addMusic(customer)
      break
    default:
      mode satisfies never
  }
  return { groups, music }

  function addMusic(...parties: (string | null)[]) {
    for (const party of parties) if (party !== null) music.push(party)
  }
}

/** Whose voice `party` hears by this plan. */
export function heardBy(plan: AudioPlan, party: string): readonly string[] {
  return plan.groups.find(group => group.includes(party))?.filter(other => other !== party) ?? []
}
