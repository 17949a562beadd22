import { requireAdmin, requirePrincipal } from '@halles/auth/principal'
import { ClosedObject, ProblemDetails } from '@halles/validation/schema'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'

// What the OpenAPI descriptions of the routes in the rest.ts files have in common.
export const tags = ['auth']
export const security = [{ bearer: [] }]
export const problems = { '4xx': ProblemDetails, '5xx': ProblemDetails }

export const ById = ClosedObject({ id: Type.String({ minLength: 1, maxLength: 512 }) })

/**
 * A `preValidation` hook that authenticates before the input is validated, so that the input's errors are only for those
 * who may send it.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export const requireSignIn = async (request: FastifyRequest): Promise<void> => void requirePrincipal(request.principal)

/**
 * The same hook for admins.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`.
 */
export const requireAdminRole = async (request: FastifyRequest): Promise<void> => void requireAdmin(request.principal)
