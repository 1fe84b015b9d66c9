import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

export const ApplicationSchema = Type.Object(
  {
    client_id: Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' }),
    client_secret: Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$' }),
    /** Compared letter for letter. */
    redirect_uris: Type.Array(Type.String({ pattern: '^https?://[^#]+$' }), { minItems: 1 }),
  },
  { additionalProperties: false },
);
export type Application = Static<typeof ApplicationSchema>;

/** The person who logs in on the vendor's page. */
export const PERSON = { user: 'frontdesk', password: 'let-me-in' } as const;
/** The application that is there at the start: it may be sent back to any page of this machine. */
export const FIRST_APPLICATION = { client_id: 'sandbox-app', client_secret: 'sandbox-app-secret' } as const;

const THIS_MACHINE = ['127.0.0.1', 'localhost', '[::1]'];

function isOfThisMachine(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, hash } = new URL(uri);
  return ['http:', 'https:'].includes(protocol) && THIS_MACHINE.includes(hostname) && hash === '';
}

/** The OAuth applications that the vendor knows, the same for all dialects. */
export type Applications = {
  /** @returns the secret; undefined for an application that is not known. */
  secretOf(clientId: string): string | undefined;
  mayReturnTo(clientId: string, redirectUri: string): boolean;
  register(application: Application): void;
};

export function createApplications(): Applications {
  const registered = new Map<string, Application>();
  return {
    secretOf: (clientId) =>
      registered.get(clientId)?.client_secret ??
      (clientId === FIRST_APPLICATION.client_id ? FIRST_APPLICATION.client_secret : undefined),
    mayReturnTo(clientId, redirectUri) {
      const uris = registered.get(clientId)?.redirect_uris;
      if (uris !== undefined) return uris.includes(redirectUri);
      return clientId === FIRST_APPLICATION.client_id && isOfThisMachine(redirectUri);
    },
    register: (application) => void registered.set(application.client_id, application),
  };
}

/** Registers an application, as its maker does in the vendor's console. */
export async function applicationRoutes(
  app: FastifyInstance,
  { applications }: { applications: Applications },
): Promise<void> {
  app.put<{ Body: Application }>(
    '/oauth/application',
    { schema: { body: ApplicationSchema } },
    async ({ body }) => {
      applications.register(body);
      return { client_id: body.client_id, redirect_uris: body.redirect_uris };
    },
  );
}
