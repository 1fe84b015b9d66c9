import {
  addReturnUrl,
  type Database,
  listOauthApplications,
  removeOauthApplication,
  SYSTEM,
  setOauthApplication,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';

/** The sandbox's EMRs at which persons log in. The FHIR server publishes where. */
const LOGINS = [
  {
    adapter: 'drchrono',
    path: '/drchrono',
    authorizePath: '/o/authorize/',
    tokenPath: '/o/token/',
    scopes: 'billing:patient-payment:read billing:patient-payment:write patients:read',
  },
  { adapter: 'fhir-r4', path: '/fhir/r4', authorizePath: null, tokenPath: null, scopes: '' },
] as const;

/**
 * Lets practices of the demo's client connect themselves: it may send browsers back to the inbox, and the sandbox's DrChrono and FHIR R4
 * have an application. Applications of earlier ports are removed.
 */
export async function seedConnectPage(
  { database, keyring }: { database: Database; keyring: Keyring },
  { clientId, returnUrl, sandboxUrl }: { clientId: string; returnUrl: string; sandboxUrl: string },
): Promise<void> {
  await addReturnUrl({ database }, { clientId, url: returnUrl, by: SYSTEM });
  const known = await listOauthApplications({ database });
  for (const { adapter, path, authorizePath, tokenPath, scopes } of LOGINS) {
    const baseUrl = `${sandboxUrl}${path}`;
    const own = known.filter((one) => one.adapter === adapter);
    for (const one of own)
      if (one.baseUrl !== baseUrl) await removeOauthApplication({ database }, { ...one, by: SYSTEM });
    if (own.some((one) => one.baseUrl === baseUrl)) continue;
    await setOauthApplication(
      { database, keyring },
      {
        adapter,
        baseUrl,
        authorizeUrl: authorizePath === null ? null : `${baseUrl}${authorizePath}`,
        tokenUrl: tokenPath === null ? null : `${baseUrl}${tokenPath}`,
        clientId: 'sandbox-app',
        clientSecret: 'sandbox-app-secret',
        scopes,
        issuer: null,
        by: SYSTEM,
      },
    );
  }
}
