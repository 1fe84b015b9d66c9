import {
  changeEndpoint,
  countMissed,
  deleteEndpoint,
  type EndpointChanges,
  inTransaction,
  redeliverEvent,
  rotateSigningSecret,
  startRecovery,
  type Transaction,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import { newWebhookSecret } from '@emr-payments/webhooks';
import type { Choice } from '../border.ts';
import type { World } from '../held-database.ts';
import { requests } from '../requests.ts';

/** An endpoint of a schedule. */
export type Endpoint = { readonly name: string; readonly id: string };

const BY = { actor: 'a person', source: 'schedules' };

export const urlOf = (name: string, n: number): string => `https://${name.toLowerCase()}.example/${n}`;

/** What the integrator can ask for, at any moment. */
export function createIntegrator(
  world: World,
  {
    clientPk,
    keyring,
    endpoints,
    events,
  }: {
    clientPk: number;
    keyring: Keyring;
    endpoints: readonly Endpoint[];
    events: readonly { id: string; name: string }[];
  },
): {
  choices(): Choice[];
  /** True from the first recovery on. */
  hasRecovered(): boolean;
} {
  const { clock } = world;
  const asked = requests(world);
  const startedAt = clock.now();
  let moves = 1;
  let hasRecovered = false;

  /** A request that is answered in one transaction, as those of the API are. */
  const inOne = (what: string, weight: number, work: (tx: Transaction) => Promise<unknown>): Choice =>
    asked(what, weight / endpoints.length, (deps) =>
      inTransaction(deps, async (tx) => ({ commit: true, value: await work(tx) })),
    );

  function ofEndpoint({ name, id: endpointId }: Endpoint): Choice[] {
    const key = { clientPk, endpointId };
    const change = (tx: Transaction, changes: EndpointChanges) =>
      changeEndpoint(tx, { key, changes, by: BY });
    const recover = (tx: Transaction, since: Date) => {
      hasRecovered = true;
      return startRecovery(tx, { ...key, since, until: null, by: BY });
    };
    const rotate = (overlapSeconds: number) =>
      inOne(`a new secret of ${name}, the old one for ${overlapSeconds} s`, 0.3, (tx) =>
        rotateSigningSecret(
          { ...tx, keyring },
          { endpointId, secret: newWebhookSecret(), overlapSeconds, by: BY },
        ),
      );
    return [
      inOne(`disable ${name}`, 0.5, (tx) => change(tx, { enabled: false })),
      inOne(`enable ${name}`, 0.5, (tx) => change(tx, { enabled: true })),
      inOne(`enable ${name} and recover what it missed`, 1.5, async (tx) => {
        const changed = await change(tx, { enabled: true });
        if (changed.outcome !== 'changed') return;
        const { failingSince, disabledAt } = changed.before;
        const { since } = await countMissed(tx, {
          endpointId,
          failingSince: failingSince ?? disabledAt ?? new Date(clock.now()),
        });
        await recover(tx, since);
      }),
      inOne(`recover ${name}`, 0.3, (tx) => recover(tx, new Date(startedAt))),
      inOne(`a new URL of ${name}`, 1.5, (tx) => {
        moves += 1;
        return change(tx, { url: urlOf(name, moves) });
      }),
      inOne(`${name} wants payment.created`, 0.3, (tx) => change(tx, { eventTypes: ['payment.created'] })),
      inOne(`${name} wants all`, 0.3, (tx) => change(tx, { eventTypes: [] })),
      rotate(0),
      rotate(60),
      inOne(`delete ${name}`, 0.15, (tx) => deleteEndpoint(tx, { key, by: BY })),
    ];
  }

  const ofEvent = ({ id: eventId, name }: { id: string; name: string }): Choice[] =>
    [null, ...endpoints].map((endpoint) =>
      asked(
        `redeliver ${name}${endpoint === null ? '' : ` to ${endpoint.name}`}`,
        1 / (events.length * (endpoints.length + 1)),
        (deps) => redeliverEvent(deps, { eventId, clientPk, endpointId: endpoint?.id ?? null, by: BY }),
      ),
    );

  return {
    choices: () => [...endpoints.flatMap(ofEndpoint), ...events.flatMap(ofEvent)],
    hasRecovered: () => hasRecovered,
  };
}
