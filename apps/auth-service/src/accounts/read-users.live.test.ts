import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectMongo } from '@halles/mongo/mongo'
import { apiClients, createGraphQLSender } from '../../test/api-clients.ts'
import { adminCredentials, adminSettings, bearer, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const settings = testSettings(adminSettings)
let app: Awaited<ReturnType<typeof createApp>>
let graphql: ReturnType<typeof createGraphQLSender>
let adminHeaders: Record<string, string>
beforeAll(async () => {
  app = await createApp(settings)
  graphql = createGraphQLSender(app)
  const { value } = await apiClients.REST(app).login(adminCredentials)
  adminHeaders = bearer(value.accessToken)
})
afterAll(() => app.close())

/** Registers a customer. Returns the user and the headers that authenticate them. */
async function registerCustomer(name = 'Camille Martin', email?: string) {
  const { value } = await apiClients.REST(app).register(registrationInput({ name, ...(email && { email }) }))
  return { user: value.user, headers: bearer(value.accessToken) }
}

const codes = (errors: any[] | undefined) => errors?.map(({ path, extensions }) => [path.join('.'), extensions.code])

describe('query user', () => {
  const queryUser = (id: string, headers?: Record<string, string>) =>
    graphql('query ($id: ID!) { user(id: $id) { id email role locale } }', { id }, headers)

  it('returns a user to themselves and to an admin', async () => {
    const { user, headers } = await registerCustomer()
    const data = { user: { id: user.id, email: user.email, role: 'USER', locale: 'FR' } }
    expect(await queryUser(user.id, headers)).toEqual({ data })
    expect(await queryUser(user.id, adminHeaders)).toEqual({ data })
  })

  it('returns FORBIDDEN to other users, whether or not there is such a user', async () => {
    const [{ user }, { headers }] = await Promise.all([registerCustomer(), registerCustomer()])
    for (const id of [user.id, 'no one', '']) {
      const { data, errors } = await queryUser(id, headers)
      expect(data).toEqual({ user: null })
      expect(codes(errors)).toEqual([['user', 'FORBIDDEN']])
    }
    expect(codes((await queryUser(user.id)).errors)).toEqual([['user', 'UNAUTHENTICATED']])
  })

  it('returns NOT_FOUND to an admin when there is no such user', async () => {
    const { data, errors } = await queryUser('no one', adminHeaders)
    expect(data).toEqual({ user: null })
    expect(codes(errors)).toEqual([['user', 'NOT_FOUND']])
  })
})

describe('entity resolver of User', () => {
  const resolveUsers = (ids: string[], headers?: Record<string, string>) =>
    graphql(
      'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id name email role } } }',
      { r: ids.map((id) => ({ __typename: 'User', id })) },
      headers,
    )

  it('applies the access rule of query user to each user', async () => {
    const [me, other] = await Promise.all([registerCustomer(), registerCustomer()])
    const { data, errors } = await resolveUsers([me.user.id, other.user.id, 'no one', me.user.id], me.headers)
    const { id, name, email } = me.user
    const resolved = { id, name, email, role: 'USER' }
    expect(data._entities).toEqual([resolved, null, null, resolved])
    expect(codes(errors)).toEqual([
      ['_entities.1', 'FORBIDDEN'],
      ['_entities.2', 'FORBIDDEN'],
    ])
  })

  it('returns all users to an admin, and null for an unknown id', async () => {
    const [one, two] = await Promise.all([registerCustomer(), registerCustomer()])
    const { data, errors } = await resolveUsers([two.user.id, 'no one', one.user.id], adminHeaders)
    expect(data._entities.map((user: { id: string } | null) => user?.id)).toEqual([two.user.id, undefined, one.user.id])
    expect(errors).toBeUndefined()
  })

  it('returns UNAUTHENTICATED without a token', async () => {
    const { user } = await registerCustomer()
    const { data, errors } = await resolveUsers([user.id])
    expect(data._entities).toEqual([null])
    expect(codes(errors)).toEqual([['_entities.0', 'UNAUTHENTICATED']])
  })
})

describe('query users', () => {
  const list = '{ nodes { name } totalCount totalCountIsExact pageInfo { hasNextPage endCursor } }'
  const search = (args: object, headers = adminHeaders) =>
    graphql(
      `query ($search: String, $first: Int, $after: String) { users(search: $search, first: $first, after: $after) ${list} }`,
      args,
      headers,
    )
  const findNames = async (text: string | null) =>
    (await search({ search: text })).data.users.nodes.map(({ name }: { name: string }) => name)

  beforeAll(async () => {
    await registerCustomer('Éloïse Lefèvre', 'eloise@primeurs.test')
    await registerCustomer('Lœtitia Lefebvre', 'l.lefebvre@primeurs.test')
    await registerCustomer("Jean-Loup O'Hara", 'jlo+halles@primeurs.test')
  })

  it('is forbidden for other users', async () => {
    const { headers } = await registerCustomer()
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
    expect(await findNames(text)).toEqual(found)
  })

  it('searches by an index', async () => {
    const mongo = await connectMongo(settings.MONGODB_URL, 'auth-service')
    const plan = await mongo.db
      .collection('users')
      .find({ words: { $regex: '^lef' } })
      .explain('executionStats')
    await mongo.close()
    expect(plan['executionStats']).toMatchObject({ nReturned: 2, totalDocsExamined: 2 })
  })

  it('returns all users without a search', async () => {
    const { users } = (await search({ search: null })).data
    expect(users.totalCount).toBeGreaterThanOrEqual(4)
    expect(users.totalCountIsExact).toBe(true)
    expect((await search({ search: '  ' })).data.users.totalCount).toBe(users.totalCount)
  })

  it('paginates with cursors that are bound to the search', async () => {
    const { users: first } = (await search({ search: 'lef', first: 1 })).data
    expect(first).toMatchObject({ nodes: [{ name: 'Lœtitia Lefebvre' }], totalCount: 2 })
    expect(first.pageInfo.hasNextPage).toBe(true)
    const after = first.pageInfo.endCursor
    const { users: second } = (await search({ search: 'lef', first: 1, after })).data
    expect(second).toMatchObject({ nodes: [{ name: 'Éloïse Lefèvre' }], pageInfo: { hasNextPage: false } })
    expect(codes((await search({ search: 'el', first: 1, after })).errors)).toEqual([['users', 'VALIDATION_FAILED']])
  })

  it.each([{ first: 0 }, { first: 101 }, { search: 'x'.repeat(201) }])('rejects the arguments %j', async (args) => {
    expect(codes((await search(args)).errors)).toEqual([['users', 'VALIDATION_FAILED']])
  })
})
