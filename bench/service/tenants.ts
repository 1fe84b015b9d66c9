import { importPatients, openDatabase } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
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
  /** Patients of each tenant; 2,000 by default. */
  patients?: number;
};

/** Enough that PostgreSQL resolves a patient by index; few enough to create quickly. */
const PATIENTS = 2_000;

/** Patients of one import. */
const IMPORT = 50_000;

/** A patient of the sandbox. All MRNs of the bench map to it. */
export const EMR_PATIENT = 'pat-1001';

/**
 * Creates clients, each with one user, a connection to the sandbox, patients and a webhook endpoint. The worker starts no sync of them: a sync would take
 * from what is measured, and one of an EMR that hangs, or that has ended with its part, would leave a job open for a day.
 */
export async function createTenants(
  { databaseUrl, encryptionKeys }: { databaseUrl: string; encryptionKeys: string },
  plan: TenantPlan,
): Promise<BenchTenant[]> {
  const database = openDatabase({ url: databaseUrl, poolSize: 2, applicationName: 'bench' });
  const keyring = parseKeyring(encryptionKeys);
  const { patients: count = PATIENTS } = plan;
  const patients = mrnsOf(count).map((mrn) => ({ mrn, emrPatientId: EMR_PATIENT }));
  const tenants: BenchTenant[] = [];
  try {
    for (let n = 0; n < plan.count; n += 1) {
      const { clientId, clientSecret, accessToken, clientPk, userId, laneId } = await createPractice(
        { database, keyring },
        {
          name: `Integrator ${n}`,
          // The EMRs are on this machine, where live clients reach none.
          mode: 'test',
          connection: {
            baseUrl: plan.fhirUrl(n),
            concurrency: plan.postingCap,
            settings: { sync_hours: 0 },
          },
          patients: patients.slice(0, IMPORT),
          endpoint: { url: plan.webhookUrl(n), secret: plan.webhookSecret, concurrency: plan.deliveryCap },
        },
      );
      for (let from = IMPORT; from < count; from += IMPORT)
        await importPatients({ database }, { userId, patients: patients.slice(from, from + IMPORT) });
      tenants.push({ clientId, clientSecret, accessToken, patients: count, clientPk, userId, laneId });
    }
  } finally {
    await database.close();
  }
  return tenants;
}
