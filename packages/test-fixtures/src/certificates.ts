import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto as never)

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY = 86_400_000

/** A certificate with its private key and its authority, as PEM. */
export type Certificate = { cert: string; key: string; ca: string }

/** Creates a certificate authority that signs certificates for 127.0.0.1 and localhost. All expire in a day. */
export async function createCertificateAuthority(): Promise<{
  ca: string
  sign: (name: string) => Promise<Certificate>
}> {
  const keys = await generateKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: 'CN=A test',
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  const ca = root.toString('pem')
  return {
    ca,
    sign: async (name) => {
      const keyPair = await generateKeys()
      const signed = await x509.X509CertificateGenerator.create({
        ...validity(),
        subject: `CN=${name}`,
        issuer: root.subject,
        publicKey: keyPair.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: 'ip', value: '127.0.0.1' },
            { type: 'dns', value: 'localhost' },
          ]),
        ],
      })
      const key = await webcrypto.subtle.exportKey('pkcs8', keyPair.privateKey)
      return { cert: signed.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY'), ca }
    },
  }
}

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])

const validity = () => ({ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + DAY) })
