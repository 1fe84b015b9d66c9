import { clip } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';
import type { CallOptions } from '../calls.ts';
import type { FhirConnection } from './connection.ts';
import { readEach } from './methods.ts';
import type { PaymentResource } from './payment-resource.ts';
import { type Failed, readResource } from './read.ts';

/** HAPI's statement about all resources has 4 MB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const Text = Type.Optional(Type.String());
const Items = Type.Optional(Type.Array(Type.Unknown()));
/** The parts that we read. A flag that is not of its type says nothing, and does not make the rest unreadable. */
const StatementSchema = Type.Object(
  {
    // DSTU2 called it Conformance.
    resourceType: Type.Union([Type.Literal('CapabilityStatement'), Type.Literal('Conformance')]),
    fhirVersion: Text,
    software: Type.Optional(Type.Object({ name: Text, version: Text })),
    rest: Items,
  },
  { title: 'CapabilityStatement' },
);
const RestSchema = Type.Object({ mode: Text, resource: Items });
const ResourceSchema = Type.Object({
  type: Type.String(),
  interaction: Items,
  conditionalCreate: Type.Optional(Type.Unknown()),
  searchParam: Items,
});
const CodeSchema = Type.Object({ code: Type.String() });
const NameSchema = Type.Object({ name: Type.String() });

export type Says = 'yes' | 'no' | 'nothing';

/** A server's statement about itself, as far as posting depends on it. */
export type Capabilities = {
  fhirVersion: string | null;
  software: string | null;
  /** `no`: it lists resources, and the one that payments are is not among them. */
  resource: Says;
  create: Says;
  conditionalCreate: Says;
  /** By `identifier`. */
  search: Says;
};

const saying = (yes: boolean): Says => (yes ? 'yes' : 'no');

/** A list that is not there or is empty says nothing: FHIR has no empty lists. */
function listed(names: readonly (string | undefined)[], wanted: string): Says {
  return names.length === 0 ? 'nothing' : saying(names.includes(wanted));
}

function searchOf(interaction: Says, parameter: Says): Says {
  if (interaction === 'no' || parameter === 'no') return 'no';
  // A search parameter is listed for a type that can be searched.
  return parameter === 'yes' ? 'yes' : 'nothing';
}

/** Reads a resource's part of a statement: https://hl7.org/fhir/R5/capabilitystatement.html, and the same in R4. */
export function capabilitiesOf(
  statement: Static<typeof StatementSchema>,
  type: PaymentResource['type'],
): Capabilities {
  const { fhirVersion, software, rest } = statement;
  const name = [software?.name, software?.version].filter((text) => text !== undefined).join(' ');
  const resources = readEach(RestSchema, rest)
    .filter((each) => each !== null && each.mode !== 'client')
    .flatMap((each) => readEach(ResourceSchema, each?.resource));
  const said = {
    fhirVersion: fhirVersion ?? null,
    software: name === '' ? null : clip(name, 100),
    resource: listed(
      resources.map((each) => each?.type),
      type,
    ),
  };
  const resource = resources.find((each) => each?.type === type);
  if (!resource) return { ...said, create: 'nothing', conditionalCreate: 'nothing', search: 'nothing' };
  const interactions = readEach(CodeSchema, resource.interaction).map((each) => each?.code);
  const parameters = readEach(NameSchema, resource.searchParam).map((each) => each?.name);
  const { conditionalCreate } = resource;
  return {
    ...said,
    create: listed(interactions, 'create'),
    conditionalCreate: typeof conditionalCreate === 'boolean' ? saying(conditionalCreate) : 'nothing',
    search: searchOf(listed(interactions, 'search-type'), listed(parameters, 'identifier')),
  };
}

/** Reads what the server says about itself. */
export async function readCapabilities(
  connection: FhirConnection,
  { signal }: CallOptions,
): Promise<{ ok: true; capabilities: Capabilities } | Failed> {
  const read = await readResource(connection, {
    path: 'metadata',
    schema: StatementSchema,
    signal,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  return read.ok ? { ok: true, capabilities: capabilitiesOf(read.value, connection.payments.type) } : read;
}
