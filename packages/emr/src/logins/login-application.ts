import type { AdapterDescription } from '../description.ts';

/** The operator's application at an EMR, with which a person of a practice logs in. The secret is in clear: it lives only in memory. */
export type LoginApplication = {
  authorizeUrl: string;
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  /** Separated by blanks. */
  scopes: string;
  /** The server's own name (`iss`); null: the origin of `authorizeUrl`. */
  issuer: string | null;
};

/** True for an adapter whose credentials are what an application and a login at it give: no person can type them. */
export function takesLogins({ credentials }: Pick<AdapterDescription, 'credentials'>): boolean {
  const names = credentials.map(({ name }) => name).sort();
  return ['client_id', 'client_secret', 'refresh_token'].join() === names.join();
}
