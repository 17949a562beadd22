import { describe, expect, it } from 'vitest'
import { createCommonPasswordCheck } from './common-passwords.ts'
import { findPasswordFault } from './password.ts'

const isCommon = createCommonPasswordCheck()
const owner = { name: 'Éloïse Le Goff', email: 'eloise.legoff+halles@example.test' }
const findFault = (password: string) => findPasswordFault(isCommon, password, owner)

describe('a password that is tried first is refused, whatever its case', () => {
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
    expect(await findFault(password)).toMatch(/tried first/)
  })
})

describe('a password is not its owner or their shop, with figures or without', () => {
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

describe('the length of a password is counted in code points, as it is kept', () => {
  it.each([
    ['7 characters', 'kq8 vx2', /at least 8/],
    ['7 characters of two code units each', '🧺'.repeat(7), /at least 8/],
    ['8 that are 4 when composed', 'ｶﾞｶﾞｶﾞｶﾞ', /at least 8/],
    ['129 characters', 'x'.repeat(129), /at most 128/],
    ['8 characters that stand for 144', 'ﷺ'.repeat(8), /at most 128/],
  ])('%s', async (_what, password, fault) => {
    expect(await findFault(password)).toMatch(fault)
  })
})

describe('any other password is good', () => {
  it('random figures are, though the address is of such figures too', async () => {
    const owner = { name: 'Éloïse', email: 'a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d@example.test' }
    expect(await findPasswordFault(isCommon, '1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5e', owner)).toBeUndefined()
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

  it('for someone whose name has no letters, too', async () => {
    const nobody = { name: '7', email: '1@example.test' }
    expect(await findPasswordFault(isCommon, '83610274', nobody)).toBeUndefined()
  })
})

it('the list is of single passwords: what only stands in it over a line end is none', async () => {
  expect(await isCommon('qwertyui')).toBe(true)
  expect(await isCommon('pourquoi\nvraiment')).toBe(false)
})
