import type { Capability } from './adapter.ts';
import { adapterDescriptions, openAdapter } from './adapters.ts';
import type { AdapterDescription, ConnectionDescription } from './description.ts';
import { localAdapterDeps } from './local-deps.ts';

/** An adapter as an operator meets it: what to give, and what becomes of a payment with the settings that nobody gave. */
export type AdapterProfile = AdapterDescription & {
  capability: Capability;
  /** True: the EMR can be asked which patient has an MRN. */
  findsPatients: boolean;
  /** True: the EMR's patients can be listed. */
  listsPatients: boolean;
  described: ConnectionDescription;
};

/** Describes every adapter, each opened with its example: nothing is connected to. */
export function adapterProfiles(): readonly AdapterProfile[] {
  return adapterDescriptions.map((description) => {
    const { name: adapter, example } = description;
    const adapterOpened = openAdapter(
      { userId: 0, adapter, ...example, timeZone: 'America/New_York' },
      localAdapterDeps(),
    );
    return {
      ...description,
      capability: adapterOpened.capability,
      findsPatients: adapterOpened.findPatient !== undefined,
      listsPatients: adapterOpened.listPatients !== undefined,
      described: adapterOpened.describe(),
    };
  });
}
