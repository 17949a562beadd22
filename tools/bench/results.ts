/** One row of a result: a variant, a case, and its figures; null for figures that a benchmark does not have. */
export type Row = { variant: string; case: string; [figure: string]: string | number | null }

/** The options of the command line. A benchmark uses those that apply to it. */
export type Options = { rounds?: number; seconds?: number; buyers?: number[]; against?: string }
