import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { openFactIn, type Words } from '../../../server/compliance/explain/words.ts'

/** The sentences that the server explains decisions with; one language at a time is fetched. */
const FILES = import.meta.glob<Record<string, Words>>('../../../server/compliance/explain/{en,es,de,zh,ar,ja}.ts')

/** What a reason, an outcome or an obligation is called; the bare code until the sentences are here. */
export function useWords(): Readonly<{
  outcome(code: string): string
  reason(code: string): string
  obligation(code: string, seconds?: number): string
  openFact(name: string): string
}> {
  const { i18n } = useTranslation()
  const { language } = i18n
  const words = useQuery({
    queryKey: ['compliance', 'words', language],
    queryFn: async () => {
      const load = FILES[`../../../server/compliance/explain/${language}.ts`]
      const found = (await load?.())?.[language]
      if (found === undefined) throw new Error(`there are no sentences in ${language}`)
      return found
    },
    staleTime: Number.POSITIVE_INFINITY
  }).data
  const read = (table: Readonly<Record<string, string>> | undefined, code: string) => table?.[code] ?? code
  return {
    outcome: code => read(words?.outcomes, code),
    reason: code => read(words?.reasons, code),
    obligation: (code, seconds) => read(words?.obligations, code).replace('{seconds}', String(seconds ?? '')),
    openFact: name => (words === undefined ? name : openFactIn(name, words))
  }
}
