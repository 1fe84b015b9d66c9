import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { mrnsOf } from '../load/requests.ts';
import { type Environment, openEnvironment } from '../machine/environment.ts';
import { type BenchTenant, createTenants } from '../service/tenants.ts';

export type Practices = { environment: Environment; databaseUrl: string; tenants: BenchTenant[] };

/** Starts the servers of a measurement of the database alone, with eight practices whose far ends are never called. */
export async function openPractices(
  name: string,
  { patients }: { patients?: number } = {},
): Promise<Practices> {
  const place = join(import.meta.dirname, '..', '..', '.local');
  mkdirSync(place, { recursive: true });
  const environment = await openEnvironment(mkdtempSync(join(place, `${name}-`)));
  const databaseUrl = await environment.newDatabase(name);
  const tenants = await createTenants(
    { databaseUrl, encryptionKeys: `k1:${Buffer.alloc(32, 7).toString('base64')}` },
    {
      count: 8,
      fhirUrl: () => 'http://127.0.0.1:1',
      webhookUrl: () => 'http://127.0.0.1:1',
      webhookSecret: `whsec_${Buffer.alloc(24, 7).toString('base64')}`,
      postingCap: 1,
      deliveryCap: 1,
      ...(patients === undefined ? {} : { patients }),
    },
  );
  return { environment, databaseUrl, tenants };
}

export type PaymentRow = {
  clientPk: number;
  userId: number;
  patientMrn: string;
  paymentMethod: string;
  referenceNumber: string;
  location: string;
  amount: string;
  notes: string;
  depositDate: string;
};

/** @returns a function that makes the row of the payment with a number, for the acceptor: the practices in turn. */
export function paymentRows({ tenants }: Pick<Practices, 'tenants'>): (n: number) => PaymentRow {
  const mrns = mrnsOf(tenants[0]?.patients ?? 1);
  return (n) => {
    const tenant = tenants[n % tenants.length];
    if (tenant === undefined) throw new Error('there are no tenants');
    // An odd multiplier spreads neighbours over the references and the patients.
    const spread = Math.imul(n, 2_654_435_761) >>> 0;
    return {
      clientPk: tenant.clientPk,
      userId: tenant.userId,
      patientMrn: mrns[spread % mrns.length] ?? '',
      paymentMethod: 'Card',
      referenceNumber: `#${spread.toString(16).padStart(8, '0')}-2f6ce8e73d91`,
      location: '1404',
      amount: `${(n % 900) + 1}.25`,
      notes: 'Patient copay collected at front desk',
      depositDate: '2026-06-15',
    };
  };
}
