import { describe, expect, it } from 'vitest'
import { createCommonPasswordCheck } from './common-passwords.ts'
import { findPasswordFault } from './password.ts'

const isCommonPassword = createCommonPasswordCheck()
const owner = { name: 'Éloïse Le Goff', email: 'eloise.legoff+halles@example.test' }
const findFault = (password: string) => findPasswordFault(isCommonPassword, password, owner)

describe('findPasswordFault rejects a common password, regardless of case:', () => {
  it.each([
    '12345678',
    'password',
    'Passw0rd',
    'azertyuiop',
    'MotDePasse',
    'bonjour1',
    'iloveyou',
    'marseille',
    'également',
    'something',
    'ｐａｓｓｗｏｒｄ',
  ])('%s', async (password) => {
    expect(await findFault(password)).toMatch(/commonly used/)
  })
})

describe('findPasswordFault rejects the owner’s name or address or the shop’s name, with digits or without:', () => {
  it.each([
    'EloiseLeGoff',
    'Éloïse Le Goff',
    'le goff éloïse',
    'legoff_eloise_1987',
    'Eloise1987',
    '!!ÉLOÏSE!!',
    'eloise.legoff+halles@example.test',
    'eloise.legoff+halles',
    'Halles2026!',
  ])('%s', async (password) => {
    expect(await findFault(password)).toMatch(/your own name or address/)
  })
})

describe('findPasswordFault counts the length in code points after NFKC, and rejects', () => {
  it.each([
    ['7 characters', 'kq8 vx2', /at least 8/],
    ['7 characters of two code units each', '🧺'.repeat(7), /at least 8/],
    ['8 characters that are 4 when composed', 'ｶﾞｶﾞｶﾞｶﾞ', /at least 8/],
    ['129 characters', 'x'.repeat(129), /at most 128/],
    ['8 characters that are 144 when decomposed', 'ﷺ'.repeat(8), /at most 128/],
  ])('%s', async (_what, password, fault) => {
    expect(await findFault(password)).toMatch(fault)
  })
})

describe('findPasswordFault accepts', () => {
  it('random hex digits, although the address consists of hex digits too', async () => {
    const owner = { name: 'Éloïse', email: 'a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d@example.test' }
    expect(await findPasswordFault(isCommonPassword, '1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5e', owner)).toBeUndefined()
  })

  it.each([
    'kq8 vx2m',
    '83610274',
    'correct horse battery staple',
    'un camembert et demi',
    'Éloïse aime le vélo',
    '🧺'.repeat(8),
    'x'.repeat(128),
    'halles-admin-demo',
    'halles-camille-demo',
  ])('%s', async (password) => {
    expect(await findFault(password)).toBeUndefined()
  })

  it('a password of an owner whose name has no letters', async () => {
    const ownerWithoutLetters = { name: '7', email: '1@example.test' }
    expect(await findPasswordFault(isCommonPassword, '83610274', ownerWithoutLetters)).toBeUndefined()
  })
})

it('createCommonPasswordCheck matches whole passwords only, not text that spans two lines of its list', async () => {
  expect(await isCommonPassword('qwertyui')).toBe(true)
  expect(await isCommonPassword('pourquoi\nvraiment')).toBe(false)
})
