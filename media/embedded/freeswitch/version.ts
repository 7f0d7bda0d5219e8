/** What `version` and the heartbeat call this server: the version whose behaviour it stands in for, and that it does. */
export const VERSION = '1.10.12-embedded'
