import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Offer } from '../../../server/softphone/protocol.ts'
import { useFormat } from '../i18n/format.ts'
import { useAct } from '../softphone/softphone-provider.tsx'
import own from './campaigns.module.css'

/** The person's campaign, script and what was promised, before the number is dialled; skipping wants a reason. */
export function CampaignOffer({ offer }: Readonly<{ offer: Offer }>) {
  const { t } = useTranslation('campaigns')
  const { dateTime } = useFormat()
  const act = useAct()
  const [reason, setReason] = useState('')
  const { campaign } = offer
  if (campaign === undefined) return null
  return (
    <section className={own['form']} aria-label={campaign.name} data-testid="campaign-offer">
      <p>
        {t('offer.campaign')} <bdi dir="auto">{campaign.name}</bdi>
      </p>
      {campaign.promise !== null && (
        <p>
          {t('offer.promised', { at: dateTime(campaign.promise.at) })}{' '}
          {campaign.promise.by !== null && t('offer.promisedBy', { name: campaign.promise.by })}
        </p>
      )}
      {campaign.script !== null && (
        <p className={own['script']} dir="auto" {...(offer.language !== null && { lang: offer.language })}>
          {campaign.script}
        </p>
      )}
      {campaign.isPreview && (
        <>
          <TextInput
            label={t('offer.why')}
            value={reason}
            maxLength={200}
            onChange={event => setReason(event.currentTarget.value)}
          />
          <Button
            variant="default"
            disabled={reason.trim() === ''}
            onClick={() => act(softphone => softphone.reject(offer.id, reason))}
          >
            {t('offer.skip')}
          </Button>
        </>
      )}
    </section>
  )
}
