import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openMongo } from '@halles/service/mongo'
import { bearer, apiClients, createGraphQLSender, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

const settings = testSettings({ ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' })
let app: Awaited<ReturnType<typeof createApp>>
let graphql: ReturnType<typeof createGraphQLSender>
let admin: Record<string, string>
beforeAll(async () => {
  app = await createApp(settings)
  graphql = createGraphQLSender(app)
  const { value } = await apiClients.REST(app).login({ email: 'alix@boutique.test', password: 'douze douzaines' })
  admin = bearer(value.accessToken)
})
afterAll(() => app.close())

/** Opens an account; gives the user and the headers that sign them in. */
async function customer(name = 'Camille Martin', email?: string) {
  const { value } = await apiClients.REST(app).register(registrationInput({ name, ...(email && { email }) }))
  return { user: value.user, headers: bearer(value.accessToken) }
}

const codes = (errors: any[] | undefined) => errors?.map(({ path, extensions }) => [path.join('.'), extensions.code])

describe('a user', () => {
  const ask = (id: string, headers?: Record<string, string>) =>
    graphql('query ($id: ID!) { user(id: $id) { id email role locale } }', { id }, headers)

  it('is seen by themselves and by an admin', async () => {
    const { user, headers } = await customer()
    const seen = { user: { id: user.id, email: user.email, role: 'USER', locale: 'FR' } }
    expect(await ask(user.id, headers)).toEqual({ data: seen })
    expect(await ask(user.id, admin)).toEqual({ data: seen })
  })

  it('is not told to anyone else, whether or not there is such a user', async () => {
    const [{ user }, { headers }] = await Promise.all([customer(), customer()])
    for (const id of [user.id, 'no one', '']) {
      const { data, errors } = await ask(id, headers)
      expect(data).toEqual({ user: null })
      expect(codes(errors)).toEqual([['user', 'FORBIDDEN']])
    }
    expect(codes((await ask(user.id)).errors)).toEqual([['user', 'UNAUTHENTICATED']])
  })

  it('that does not exist is NOT_FOUND to an admin', async () => {
    const { data, errors } = await ask('no one', admin)
    expect(data).toEqual({ user: null })
    expect(codes(errors)).toEqual([['user', 'NOT_FOUND']])
  })
})

describe('users as other subgraphs ask for them', () => {
  const ask = (ids: string[], headers?: Record<string, string>) =>
    graphql(
      'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id name email role } } }',
      { r: ids.map((id) => ({ __typename: 'User', id })) },
      headers,
    )

  it('are told by the same rule, each by itself', async () => {
    const [me, stranger] = await Promise.all([customer(), customer()])
    const { data, errors } = await ask([me.user.id, stranger.user.id, 'no one', me.user.id], me.headers)
    const { id, name, email } = me.user
    const seen = { id, name, email, role: 'USER' }
    expect(data._entities).toEqual([seen, null, null, seen])
    expect(codes(errors)).toEqual([
      ['_entities.1', 'FORBIDDEN'],
      ['_entities.2', 'FORBIDDEN'],
    ])
  })

  it('are all told to an admin; one who is gone is null', async () => {
    const [one, two] = await Promise.all([customer(), customer()])
    const { data, errors } = await ask([two.user.id, 'no one', one.user.id], admin)
    expect(data._entities.map((user: { id: string } | null) => user?.id)).toEqual([two.user.id, undefined, one.user.id])
    expect(errors).toBeUndefined()
  })

  it('are told to no one without a token', async () => {
    const { user } = await customer()
    const { data, errors } = await ask([user.id])
    expect(data._entities).toEqual([null])
    expect(codes(errors)).toEqual([['_entities.0', 'UNAUTHENTICATED']])
  })
})

describe('the list of users', () => {
  const list = '{ nodes { name } totalCount totalCountIsExact pageInfo { hasNextPage endCursor } }'
  const search = (args: object, headers = admin) =>
    graphql(
      `query ($search: String, $first: Int, $after: String) { users(search: $search, first: $first, after: $after) ${list} }`,
      args,
      headers,
    )
  const names = async (text: string | null) =>
    (await search({ search: text })).data.users.nodes.map(({ name }: { name: string }) => name)

  beforeAll(async () => {
    await customer('Éloïse Lefèvre', 'eloise@primeurs.test')
    await customer('Lœtitia Lefebvre', 'l.lefebvre@primeurs.test')
    await customer("Jean-Loup O'Hara", 'jlo+halles@primeurs.test')
  })

  it('is for admins', async () => {
    const { headers } = await customer()
    expect(codes((await search({}, headers)).errors)).toEqual([['users', 'FORBIDDEN']])
    expect(codes((await search({}, {})).errors)).toEqual([['users', 'UNAUTHENTICATED']])
  })

  it.each([
    ['eloise', ['Éloïse Lefèvre']],
    ['ÉLO', ['Éloïse Lefèvre']],
    ['lef', ['Lœtitia Lefebvre', 'Éloïse Lefèvre']],
    ['lef el', ['Éloïse Lefèvre']],
    ['loetitia', ['Lœtitia Lefebvre']],
    ['loup hara', ["Jean-Loup O'Hara"]],
    ['l.lefebvre@primeurs.test', ['Lœtitia Lefebvre']],
    ['jlo+halles@prim', ["Jean-Loup O'Hara"]],
    ['efebvre', []],
    ['.*', []],
    ['primeurs.*', ["Jean-Loup O'Hara", 'Lœtitia Lefebvre', 'Éloïse Lefèvre']],
    ['^lef', ['Lœtitia Lefebvre', 'Éloïse Lefèvre']],
    ['(', []],
  ])('finds by %j, newest first', async (text, found) => {
    expect(await names(text)).toEqual(found)
  })

  it('finds by an index, whatever is looked for', async () => {
    const mongo = await openMongo(settings.MONGODB_URL, 'auth-service')
    const plan = await mongo.db
      .collection('users')
      .find({ words: { $regex: '^lef' } })
      .explain('executionStats')
    await mongo.close()
    expect(plan['executionStats']).toMatchObject({ nReturned: 2, totalDocsExamined: 2 })
  })

  it('is all of them when nothing is looked for', async () => {
    const { users } = (await search({ search: null })).data
    expect(users.totalCount).toBeGreaterThanOrEqual(4)
    expect(users.totalCountIsExact).toBe(true)
    expect((await search({ search: '  ' })).data.users.totalCount).toBe(users.totalCount)
  })

  it('comes in pages, bound to what was looked for', async () => {
    const { users: first } = (await search({ search: 'lef', first: 1 })).data
    expect(first).toMatchObject({ nodes: [{ name: 'Lœtitia Lefebvre' }], totalCount: 2 })
    expect(first.pageInfo.hasNextPage).toBe(true)
    const after = first.pageInfo.endCursor
    const { users: second } = (await search({ search: 'lef', first: 1, after })).data
    expect(second).toMatchObject({ nodes: [{ name: 'Éloïse Lefèvre' }], pageInfo: { hasNextPage: false } })
    expect(codes((await search({ search: 'el', first: 1, after })).errors)).toEqual([['users', 'VALIDATION_FAILED']])
  })

  it.each([{ first: 0 }, { first: 101 }, { search: 'x'.repeat(201) }])('refuses %j', async (args) => {
    expect(codes((await search(args)).errors)).toEqual([['users', 'VALIDATION_FAILED']])
  })
})
