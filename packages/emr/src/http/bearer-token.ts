import { Type } from '@sinclair/typebox';

/** The schema of a bearer token in the credentials (RFC 6750, section 2.1): nothing else may go into the header. */
export const bearerTokenSchema = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9._~+/-]+=*$', description });
