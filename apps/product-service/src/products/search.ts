/** Letters that Unicode does not decompose into a base letter and a mark, and how people type them. */
const LIGATURES: Record<string, string> = { œ: 'oe', æ: 'ae', ß: 'ss', ø: 'o', ł: 'l', đ: 'd' }

/** Folds accents and case: "Bœuf Séché" and "boeuf seche" give the same text. */
export const foldText = (text: string): string =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[œæßøłđ]/g, (letter) => LIGATURES[letter] ?? letter)
    .normalize('NFC')

/** Splits a text into its distinct folded words: runs of letters and digits. */
export const tokenize = (text: string): string[] => [...new Set(foldText(text).match(/[\p{L}\p{N}]+/gu))]

/**
 * The sort key of a name: its folded words, the order that a French reader expects. At most 100 characters, because it is
 * part of cursors.
 */
export const toNameKey = (name: string): string =>
  Array.from((foldText(name).match(/[\p{L}\p{N}]+/gu) ?? []).join(' '))
    .slice(0, 100)
    .join('')

/** The search terms of a product: `words` holds all of them, `name` those of its name, which score higher. */
export type SearchTerms = { words: string[]; name: string[] }

export const toSearchTerms = (product: {
  name: string
  category: string
  description: string | null
}): SearchTerms => ({
  words: tokenize(`${product.name} ${product.category} ${product.description ?? ''}`),
  name: tokenize(product.name),
})

/** What a searched word scores: as a whole word of the name, as the prefix of one, anywhere else. */
const SCORES = { wholeWord: 4, prefix: 2, elsewhere: 1 }

/** The MongoDB conditions of a search: each word is a prefix of a term of the product. Ranges, because they use the index. */
export const searchConditions = (words: string[]): object[] =>
  words.map((word) => ({ 'search.words': { $elemMatch: { $gte: word, $lt: `${word}\u{10FFFF}` } } }))

/** The relevance of a matching product as an aggregation expression: a whole number, higher is better. */
export const relevanceScore = (words: string[]): object => ({
  $add: words.map((word) => ({
    $cond: [
      { $in: [word, '$search.name'] },
      SCORES.wholeWord,
      { $cond: [hasPrefix('$search.name', word), SCORES.prefix, SCORES.elsewhere] },
    ],
  })),
})

const hasPrefix = (terms: string, prefix: string): object => ({
  $anyElementTrue: { $map: { input: terms, as: 'term', in: { $eq: [{ $indexOfCP: ['$$term', prefix] }, 0] } } },
})
