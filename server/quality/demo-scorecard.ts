import type { Db } from '../../sql/database.ts'
import { insertScorecard, publishScorecard } from '../../sql/queries/quality/reviews.ts'
import { newId } from '../ids.ts'
import type { Scorecard } from './scorecard.ts'

const YES_NO = [
  { value: 'yes', label: 'Yes', points: 100 },
  { value: 'no', label: 'No', points: 0 }
]
const DEGREES = [
  { value: 'fully', label: 'Fully', points: 100 },
  { value: 'partly', label: 'Partly', points: 50 },
  { value: 'not', label: 'Not at all', points: 0 }
]

/** A scorecard to begin with: what most contact centres listen for, with one item that nobody may fail. */
const DEMO_SCORECARD: Scorecard = {
  passPercent: 75,
  sections: [
    {
      title: 'Opening',
      questions: [
        {
          id: 'greeting',
          text: 'Was the customer greeted, with the name of the company?',
          weight: 10,
          options: YES_NO
        },
        {
          id: 'identity',
          text: 'Was the customer’s identity checked before anything of theirs was said?',
          help: 'A calling number alone proves nobody.',
          weight: 20,
          isCritical: true,
          allowsNotApplicable: true,
          options: YES_NO
        }
      ]
    },
    {
      title: 'The matter',
      questions: [
        { id: 'understood', text: 'Was the wish understood?', weight: 20, isOrdinal: true, options: DEGREES },
        {
          id: 'solved',
          text: 'Was it solved, or the next step agreed?',
          weight: 30,
          isOrdinal: true,
          options: DEGREES
        },
        {
          id: 'listening',
          text: 'Could the customer finish their sentences?',
          weight: 10,
          isOrdinal: true,
          options: DEGREES
        }
      ]
    },
    {
      title: 'Closing',
      questions: [
        {
          id: 'summary',
          text: 'Was summed up what happens now?',
          weight: 10,
          options: YES_NO,
          allowsNotApplicable: true
        }
      ]
    }
  ]
}

/** Adds it as a first published version. */
export async function seedScorecard(db: Db, by: string): Promise<void> {
  const id = newId()
  await insertScorecard(db, {
    id,
    name: 'Conversation',
    draft: JSON.stringify(DEMO_SCORECARD),
    version: null,
    created_by: by,
    archived_at: null
  })
  await publishScorecard(db, id, by)
}
