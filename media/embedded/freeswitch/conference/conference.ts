/** A room in which members are mixed. */
export type Conference = Readonly<{ name: string }>
