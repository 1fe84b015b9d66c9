import { sentence } from '@emr-payments/contracts';
import { clip } from '@emr-payments/runtime';
import type { CheckTrouble } from '../adapter.ts';
import type { Capabilities, Says } from './capability-statement.ts';
import { capabilityOf, type FhirConnection } from './connection.ts';

type Decided = { ok: true; value: boolean; remark: string | null } | { ok: false; reason: string };

const STATED = 'GET /metadata says';
/** The claim that each setting makes about the resource that payments are. */
const CLAIMS = { conditional_create: 'conditional create', search: 'search by identifier' } as const;

/**
 * Decides one setting. A given `false` always holds, because it claims nothing. A given `true` is refused when the server says
 * the opposite, and holds with a remark when it says nothing. What nobody gave is true only by the server's word.
 */
function decide(
  setting: keyof typeof CLAIMS,
  { type, given, says }: { type: string; given: boolean | undefined; says: Says },
): Decided {
  const claim = CLAIMS[setting];
  const denied = `${STATED} that ${type} has no ${claim}`;
  const silent = `GET /metadata does not say whether ${type} has ${claim}`;
  if (given === true && says === 'no') {
    const reason = `${denied}, and the setting ${setting}: true says that it has. Leave the setting out, or give false.`;
    return { ok: false, reason };
  }
  if (given === true && says === 'nothing') {
    return {
      ok: true,
      value: true,
      remark: `${silent}: the setting ${setting}: true is believed without it.`,
    };
  }
  if (given !== undefined) return { ok: true, value: given, remark: null };
  if (says === 'yes') return { ok: true, value: true, remark: null };
  return {
    ok: true,
    value: false,
    remark: `${says === 'no' ? denied : silent}: ${setting} is taken as false.`,
  };
}

export type Judged =
  | { ok: true; settings: { conditional_create: boolean; search: boolean }; remarks: string[] }
  | { ok: false; reason: string; trouble: CheckTrouble };

const UNSUITABLE: CheckTrouble = {
  code: 'connection_misconfigured',
  detail: sentence`By its statement about itself, the server cannot be used as the connection is set up.`,
};

/** Decides from a server's statement whether it can be used, and how a payment whose answer was lost is resolved there. */
export function judgeCapabilities(
  capabilities: Capabilities,
  {
    settings,
    given,
    release,
    payments: { type },
  }: Pick<FhirConnection, 'settings' | 'given' | 'release' | 'payments'>,
): Judged {
  const { fhirVersion, resource, create, conditionalCreate, search } = capabilities;
  if (fhirVersion === null || !release.version.pattern.test(fhirVersion)) {
    const version = fhirVersion === null ? 'no fhirVersion' : `fhirVersion ${clip(fhirVersion, 40)}`;
    const reason = `${STATED} ${version}, and the adapter ${release.adapter} needs ${release.version.shown} (${release.name}). Give the base URL of an ${release.name} endpoint of this server.`;
    return { ok: false, reason, trouble: UNSUITABLE };
  }
  if (resource === 'no') {
    return {
      ok: false,
      reason: `${STATED} that this server has no ${type}: nothing can be posted to it.`,
      trouble: UNSUITABLE,
    };
  }
  if (create === 'no') {
    return {
      ok: false,
      reason: `${STATED} that ${type} cannot be created: nothing can be posted to it.`,
      trouble: UNSUITABLE,
    };
  }
  const decisions = [
    decide('conditional_create', {
      type,
      given: given.has('conditional_create') ? settings.conditional_create : undefined,
      says: conditionalCreate,
    }),
    decide('search', { type, given: given.has('search') ? settings.search : undefined, says: search }),
  ] as const;
  const remarks = create === 'nothing' ? [`${STATED} nothing about create for ${type}.`] : [];
  const [conditional, searching] = decisions;
  if (!conditional.ok) return { ...conditional, trouble: UNSUITABLE };
  if (!searching.ok) return { ...searching, trouble: UNSUITABLE };
  for (const { remark } of [conditional, searching]) if (remark !== null) remarks.push(remark);
  const decided = { conditional_create: conditional.value, search: searching.value };
  const chosen = given.has('conditional_create') && given.has('search');
  if (capabilityOf(decided) === 'none' && !chosen)
    remarks.push(
      'A payment whose answer is lost needs a person: this EMR can neither be asked nor be sent it again.',
    );
  return { ok: true, settings: decided, remarks };
}
