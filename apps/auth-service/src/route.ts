import { admin, signedIn } from '@halles/service/person'
import { Closed, Problem } from '@halles/service/schema'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'

// What the routes of rest-*.ts are described by.
export const tags = ['auth']
export const security = [{ bearer: [] }]
export const problems = { '4xx': Problem, '5xx': Problem }

export const ById = Closed({ id: Type.String({ minLength: 1, maxLength: 512 }) })

/** Asked before a body or a query is looked at: who asks matters before what. Throws Refusal `UNAUTHENTICATED`. */
export const isSignedIn = async ({ person }: FastifyRequest): Promise<void> => void signedIn(person)

/** The same for admins. Throws Refusal `UNAUTHENTICATED`, `FORBIDDEN`. */
export const isAdmin = async ({ person }: FastifyRequest): Promise<void> => void admin(person)
