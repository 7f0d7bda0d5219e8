/**
 * One menu that callers speak to in four languages, for whoever hears them: PocketSphinx hears English words, Google's and
 * Azure's servers of these tests the words of tones (`order`, `agent` and `address`, in their tongues).
 */
export const SPOKEN_MENU = `
id: spoken-menu
name: Spoken menu
languages: [en, de, zh, ar]
defaultLanguage: en
start: menu
onFailure: failed
nodes:
  menu:
    kind: menu
    prompt:
      - { en: please, de: bitte, zh: 请, ar: فضلك }
      - { tone: "%(6000,0,440)" }
    timeoutMs: 4000
    attempts: 4
    choices: { "1": sales, "2": support, "3": hours }
    say:
      "1": { en: [sales, buy something], de: [Bestellung, etwas kaufen], zh: [订单, 购买], ar: [طلبات, شراء] }
      "2": { en: [customer support], de: [Mitarbeiter], zh: [客服], ar: [موظف] }
      "3": { en: [opening hours], de: [Adresse], zh: [地址], ar: [عنوان] }
    noInput: silent
    noMatch: other
  sales:
    kind: say
    bargeIn: false
    prompt: [{ tone: "%(700,0,880)" }, { en: delivery, de: Lieferung Lieferung, zh: 送货 送货, ar: توصيل توصيل }]
    next: bye
  support:
    kind: say
    bargeIn: false
    prompt: [{ tone: "%(700,0,1200)" }, { en: cancel, de: Kündigung Kündigung, zh: 取消 取消, ar: إلغاء إلغاء }]
    next: bye
  hours:
    kind: say
    bargeIn: false
    prompt: [{ tone: "%(700,0,1600)" }, { en: tomorrow, de: morgen morgen, zh: 明天 明天, ar: غدا غدا }]
    next: bye
  silent: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,600)" }, next: bye }
  other: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,2000)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  bye: { kind: hangup }
`
