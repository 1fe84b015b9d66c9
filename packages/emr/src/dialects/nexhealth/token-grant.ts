import { Type } from '@sinclair/typebox';
import type { Grant } from '../../grant.ts';
import { readJsonAs } from '../../http/read-json.ts';

const AnswerSchema = Type.Object({
  data: Type.Object({ token: Type.String({ pattern: '^[A-Za-z0-9._~+/-]+=*$', maxLength: 8192 }) }),
});

/** The token is good for one hour (https://docs.nexhealth.com/reference/authentication-1). */
const LIFETIME_MS = 3_600_000;

/** `POST /authenticates`: the API key, sent as it is, becomes a JWT. The answer is 201. */
export const tokenGrant = ({ tokenUrl, apiKey }: { tokenUrl: string; apiKey: string }): Grant => ({
  kind: 'exchange',
  tokenUrl,
  method: 'POST',
  headers: { authorization: apiKey, accept: 'application/vnd.Nexhealth+json;version=2' },
  body: null,
  read({ status, body }) {
    const answer = status === 200 || status === 201 ? readJsonAs(AnswerSchema, body) : null;
    return answer === null ? null : { token: answer.data.token, expiresInMs: LIFETIME_MS };
  },
  credential: [apiKey],
});
