import {
  createClient,
  createEndpoint,
  createUser,
  importPatients,
  openDatabase,
  saveConnection,
} from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import { mrnsOf, type Tenant } from '../load/requests.ts';

export type BenchTenant = Tenant & { clientPk: number; userId: number; laneId: number };

export type TenantPlan = {
  count: number;
  /** Returns the EMR's base URL for a tenant, by number. */
  fhirUrl: (tenant: number) => string;
  /** Returns the webhook URL for a tenant, by number. */
  webhookUrl: (tenant: number) => string;
  webhookSecret: string;
  postingCap: number;
  deliveryCap: number;
};

/** Enough that PostgreSQL resolves a patient by index; few enough to create quickly. */
const PATIENTS = 2_000;

/** A patient of the sandbox. All MRNs of the bench map to it. */
const EMR_PATIENT = 'pat-1001';

/** Creates clients, each with one user, a connection to the sandbox, patients and a webhook endpoint. */
export async function createTenants(
  { databaseUrl, encryptionKeys }: { databaseUrl: string; encryptionKeys: string },
  plan: TenantPlan,
): Promise<BenchTenant[]> {
  const database = openDatabase({ url: databaseUrl, poolSize: 2, applicationName: 'bench' });
  const keyring = parseKeyring(encryptionKeys);
  const patients = mrnsOf(PATIENTS).map((mrn) => ({ mrn, emrPatientId: EMR_PATIENT }));
  const tenants: BenchTenant[] = [];
  try {
    for (let n = 0; n < plan.count; n += 1) {
      const { clientPk, clientId, clientSecret } = await createClient(
        { database },
        { name: `Integrator ${n}` },
      );
      const { userId, accessToken } = await createUser({ database }, { clientPk, name: `Practice ${n}` });
      const { laneId } = await saveConnection(
        { database, keyring },
        {
          userId,
          adapter: 'fhir',
          baseUrl: plan.fhirUrl(n),
          credentials: {},
          timeZone: 'America/New_York',
          concurrency: plan.postingCap,
        },
      );
      await importPatients({ database }, { userId, patients });
      const endpoint = { clientPk, secret: plan.webhookSecret, concurrency: plan.deliveryCap };
      await createEndpoint({ database, keyring }, { ...endpoint, url: plan.webhookUrl(n) });
      tenants.push({ clientId, clientSecret, accessToken, patients: PATIENTS, clientPk, userId, laneId });
    }
  } finally {
    await database.close();
  }
  return tenants;
}
