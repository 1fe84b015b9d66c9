import { createUser, type Database, importPatients, saveConnection } from '@emr-payments/db';
import { adapterNames } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';
import type { DemoState } from './demo-state.ts';
import { SANDBOX_MRNS, sandboxPractices } from './sandbox-practices.ts';

/** The users of the demo, by adapter, as they are kept between starts. */
type Known = NonNullable<DemoState['practices']>;

/** One user of the demo and the names that its payments may give, as in `stack.json`. */
export type DemoUser = {
  adapter: string;
  access_token: string;
  patient_mrn: string;
  payment_method: string;
  location: string;
};

export type PracticesInput = {
  clientPk: number;
  /** The sandbox, as the worker reaches it. */
  sandboxUrl: string;
  timeZone: string;
  concurrency: number;
  known: Known;
};

/** Gives the client a user for every adapter, connected to its dialect of the sandbox. Users that are there already are kept. */
export async function seedPractices(
  deps: { database: Database; keyring: Keyring },
  { clientPk, sandboxUrl, timeZone, concurrency, known }: PracticesInput,
): Promise<{ practices: Known; users: DemoUser[] }> {
  const practices: Known = {};
  const users: DemoUser[] = [];
  for (const practice of sandboxPractices({ sandboxUrl })) {
    const { adapter, baseUrl, credentials, settings, paymentMethod, location } = practice;
    if (!adapterNames.includes(adapter)) throw new Error(`there is no adapter ${adapter}`);
    const found = known[adapter];
    const user = found ?? (await newUser(deps, { clientPk, adapter }));
    practices[adapter] = user;
    await saveConnection(deps, {
      userId: user.user_id,
      adapter,
      baseUrl,
      credentials,
      settings,
      timeZone,
      concurrency,
    });
    const patients = SANDBOX_MRNS.map((mrn, place) => ({ mrn, emrPatientId: practice.emrPatientId(place) }));
    await importPatients(deps, { userId: user.user_id, patients });
    users.push({
      adapter,
      access_token: user.access_token,
      patient_mrn: SANDBOX_MRNS[0],
      payment_method: paymentMethod,
      location,
    });
  }
  return { practices, users };
}

async function newUser(
  deps: { database: Database; keyring: Keyring },
  { clientPk, adapter }: { clientPk: number; adapter: string },
): Promise<Known[string]> {
  const { userId, accessToken } = await createUser(deps, { clientPk, name: `Demo practice, ${adapter}` });
  return { user_id: userId, access_token: accessToken };
}
