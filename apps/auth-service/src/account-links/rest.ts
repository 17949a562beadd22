import type { App } from '@halles/fastify-service/app'
import { Type } from 'typebox'
import type { AppDeps } from '../deps.ts'
import { problems, requireSignIn, security, tags } from '../rest-schema.ts'
import { EmailChange, LinkToken, PasswordReset, PasswordResetRequest } from './account-link.ts'
import { changeEmail, requestEmailChange } from './change-email.ts'
import { resetPassword, verifyEmail } from './redeem-link.ts'
import { requestEmailVerification, requestPasswordReset } from './request-link.ts'

/** The REST routes that request e-mails with links and redeem the links. */
export function accountLinkRoutes(app: App, deps: AppDeps): void {
  app.put(
    '/me/email',
    {
      schema: {
        summary:
          'Requests an e-mail with a link to a new address. Requires the password. The response is the same whether or not the address has an account.',
        tags,
        security,
        body: EmailChange,
        response: { 202: Type.Null(), ...problems },
      },
      preValidation: requireSignIn,
    },
    async (request, reply) => {
      await requestEmailChange(deps, request, request.body)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/password/forgotten',
    {
      schema: {
        summary:
          'Requests an e-mail with a link to reset the password. The response is the same whether or not the address has an account.',
        tags,
        body: PasswordResetRequest,
        response: { 202: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await requestPasswordReset(deps, request, request.body.email)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/password/reset',
    {
      schema: {
        summary: 'Sets a new password by the link in the e-mail, and ends all sessions.',
        tags,
        body: PasswordReset,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await resetPassword(deps, request, request.body)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/email/verification',
    {
      schema: {
        summary: 'Requests an e-mail with a link that verifies the user’s address.',
        tags,
        security,
        response: { 202: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await requestEmailVerification(deps, request)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/email/verify',
    {
      schema: {
        summary: 'Verifies an address by the link in the e-mail.',
        tags,
        body: LinkToken,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await verifyEmail(deps, request, request.body.token)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/email/change',
    {
      schema: {
        summary:
          'Changes the address by the link in the e-mail to the new one. EMAIL_TAKEN when that has another account.',
        tags,
        body: LinkToken,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await changeEmail(deps, request, request.body.token)
      return reply.code(204).send(null)
    },
  )
}
