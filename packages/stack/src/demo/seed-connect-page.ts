import {
  addReturnUrl,
  type Database,
  listOauthApplications,
  removeOauthApplication,
  SYSTEM,
  setOauthApplication,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';

/**
 * Lets practices of the demo's client connect themselves: it may send browsers back to the inbox, and the sandbox's DrChrono has an
 * application. Applications of earlier ports are removed.
 */
export async function seedConnectPage(
  { database, keyring }: { database: Database; keyring: Keyring },
  { clientId, returnUrl, sandboxUrl }: { clientId: string; returnUrl: string; sandboxUrl: string },
): Promise<void> {
  await addReturnUrl({ database }, { clientId, url: returnUrl, by: SYSTEM });
  const adapter = 'drchrono';
  const baseUrl = `${sandboxUrl}/drchrono`;
  const known = await listOauthApplications({ database });
  for (const one of known)
    if (one.adapter === adapter && one.baseUrl !== baseUrl)
      await removeOauthApplication({ database }, { ...one, by: SYSTEM });
  if (known.some((one) => one.adapter === adapter && one.baseUrl === baseUrl)) return;
  await setOauthApplication(
    { database, keyring },
    {
      adapter,
      baseUrl,
      authorizeUrl: `${baseUrl}/o/authorize/`,
      tokenUrl: `${baseUrl}/o/token/`,
      clientId: 'sandbox-app',
      clientSecret: 'sandbox-app-secret',
      scopes: 'billing:patient-payment:read billing:patient-payment:write patients:read',
      issuer: null,
      by: SYSTEM,
    },
  );
}
