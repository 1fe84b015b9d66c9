import type { FastifyInstance } from 'fastify';

export const KEY = 'friday';

type Headers = Record<string, string>;
export type Login = {
  name: string;
  /** A read that every caller with a good login may do. */
  url: string;
  /** The vendor's answer to a bad login. */
  refusal: 401 | 403;
  hasTokens: boolean;
  /** Logs in. @throws Error `refused` when the secret is wrong. */
  headers(app: FastifyInstance, secret: string): Promise<Headers>;
};

/** Asks a token endpoint, and gives the header with the token that `pick` finds in the answer. */
async function bearer(
  app: FastifyInstance,
  { url, headers, body }: { url: string; headers: Headers; body?: string },
  pick: (json: Record<string, unknown>) => unknown = ({ access_token }) => access_token,
): Promise<Headers> {
  const answer = await app.inject({ method: 'POST', url, headers, ...(body === undefined ? {} : { body }) });
  if (answer.statusCode >= 300) throw new Error(`refused: ${answer.body}`);
  return { authorization: `Bearer ${pick(answer.json())}` };
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** How an integrator logs in at each vendor. */
export const LOGINS: Login[] = [
  {
    name: 'fhir-r4',
    url: '/fhir/r4/Patient',
    refusal: 401,
    hasTokens: true,
    headers: (app, secret) =>
      bearer(app, {
        url: '/fhir/r4/oauth/token',
        headers: FORM,
        body: `grant_type=client_credentials&client_id=a&client_secret=${secret}`,
      }),
  },
  {
    name: 'canvas',
    url: '/canvas/Patient',
    refusal: 401,
    hasTokens: true,
    headers: (app, secret) =>
      bearer(app, {
        url: '/canvas/auth/token/',
        headers: FORM,
        body: `grant_type=client_credentials&client_id=a&client_secret=${secret}`,
      }),
  },
  {
    name: 'open-dental',
    url: '/open-dental/api/v1/patients',
    refusal: 401,
    hasTokens: false,
    async headers(app, secret) {
      const authorization = `ODFHIR dev1/${secret}`;
      const { statusCode } = await app.inject({
        url: '/open-dental/api/v1/clinics',
        headers: { authorization },
      });
      if (statusCode !== 200) throw new Error('refused');
      return { authorization };
    },
  },
  {
    name: 'nexhealth',
    url: '/nexhealth/patients?subdomain=demo-practice&location_id=1',
    refusal: 401,
    hasTokens: true,
    headers: async (app, secret) => ({
      'nex-api-version': 'v3.0.0',
      ...(await bearer(
        app,
        {
          url: '/nexhealth/authenticates',
          headers: { authorization: secret, accept: 'application/vnd.Nexhealth+json;version=2' },
        },
        ({ data }) => (data as { token: string }).token,
      )),
    }),
  },
  {
    name: 'athena',
    url: '/athena/v1/195900/patients/1',
    refusal: 401,
    hasTokens: true,
    headers: (app, secret) =>
      bearer(app, {
        url: '/athena/oauth2/v1/token',
        headers: { ...FORM, authorization: `Basic ${Buffer.from(`a:${secret}`).toString('base64')}` },
        body: 'grant_type=client_credentials&scope=athena/service/Athenanet.MDP.*',
      }),
  },
  {
    name: 'drchrono',
    url: '/drchrono/api/patients',
    refusal: 401,
    hasTokens: true,
    headers: (app, secret) =>
      bearer(app, {
        url: '/drchrono/o/token/',
        headers: FORM,
        body: `grant_type=refresh_token&client_id=a&client_secret=b&refresh_token=${secret}`,
      }),
  },
  {
    name: 'candid',
    url: '/candid/patients/v1?mrn=MRN-12345',
    refusal: 403,
    hasTokens: true,
    headers: (app, secret) =>
      bearer(app, {
        url: '/candid/api/auth/v2/token',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: 'a', client_secret: secret }),
      }),
  },
];
