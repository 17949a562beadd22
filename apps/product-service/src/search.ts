/** Letters that Unicode does not take apart into a base and a mark, and how people type them. */
const LIGATURES: Record<string, string> = { œ: 'oe', æ: 'ae', ß: 'ss', ø: 'o', ł: 'l', đ: 'd' }

/** Text without accents and case: "Bœuf Séché" and "boeuf seche" are the same. */
export const folded = (text: string): string =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[œæßøłđ]/g, (letter) => LIGATURES[letter] ?? letter)
    .normalize('NFC')

/** The words of a text, folded, each once: letters and digits, cut at anything else. */
export const wordsOf = (text: string): string[] => [...new Set(folded(text).match(/[\p{L}\p{N}]+/gu))]

/** What sorts names as a French reader expects: by their words, accents and case aside. Kept short, as it goes into cursors. */
export const nameKeyOf = (name: string): string =>
  Array.from((folded(name).match(/[\p{L}\p{N}]+/gu) ?? []).join(' '))
    .slice(0, 100)
    .join('')

/** What a product is found by. `words` holds all of them, `name` those that count more. */
export type SearchWords = { words: string[]; name: string[] }

export const searchWordsOf = (product: {
  name: string
  category: string
  description: string | null
}): SearchWords => ({
  words: wordsOf(`${product.name} ${product.category} ${product.description ?? ''}`),
  name: wordsOf(product.name),
})

/** How much a word of a search counts: as a whole word of the name, as the beginning of one, anywhere else. */
const WORTH = { whole: 4, beginning: 2, elsewhere: 1 }

/** What MongoDB is asked for a search: each word must begin some word of the product. Ranges, as they use the index. */
export const searchFilter = (words: string[]): object[] =>
  words.map((word) => ({ 'search.words': { $elemMatch: { $gte: word, $lt: `${word}\u{10FFFF}` } } }))

/** How well a product that fits answers a search, as an aggregation expression: a whole number, more is better. */
export const searchScore = (words: string[]): object => ({
  $add: words.map((word) => ({
    $cond: [
      { $in: [word, '$search.name'] },
      WORTH.whole,
      { $cond: [beginsOne(word, '$search.name'), WORTH.beginning, WORTH.elsewhere] },
    ],
  })),
})

const beginsOne = (word: string, of: string): object => ({
  $anyElementTrue: { $map: { input: of, as: 'one', in: { $eq: [{ $indexOfCP: ['$$one', word] }, 0] } } },
})
