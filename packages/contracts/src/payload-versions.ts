/**
 * The versions of a webhook's body. An endpoint keeps the version that it registered with. Events are stored in the
 * newest version; an older one is derived from it at each send, by its entry in `SHAPES`. A version is added when a
 * change would break a receiver; new fields and new event types do not.
 */
export const API_VERSIONS = ['2026-06-01'] as const;

export type ApiVersion = (typeof API_VERSIONS)[number];

/** The version of a newly registered endpoint. */
export const CURRENT_API_VERSION: ApiVersion = '2026-06-01';

type Shape = (body: string) => string;

/** Turns the stored body into the body of a version. The current version is sent byte for byte as it is stored. */
const SHAPES: Record<ApiVersion, Shape> = {
  '2026-06-01': (body) => body,
};

/**
 * The body in thin mode: enough to read the payment, or the event, through the API and to put events in order, and nothing about a
 * patient. `sequence` is absent where the stored event has none. The user is there only where the event is about no payment: its
 * events are put in order for each user.
 */
export type ThinEvent = {
  id: string;
  type: string;
  created: string;
  payment_id: string | null;
  sequence?: number;
  access_token_reference_id?: string;
};

function thinned(body: string): string {
  const event = JSON.parse(body) as {
    id: string;
    type: string;
    created: string;
    access_token_reference_id: string | null;
    data: { payment_id?: string; sequence?: number };
  };
  const { id, type, created, access_token_reference_id } = event;
  const { payment_id = null, sequence } = event.data;
  const thin: ThinEvent = {
    id,
    type,
    created,
    payment_id,
    ...(sequence === undefined ? {} : { sequence }),
    ...(payment_id === null && access_token_reference_id !== null ? { access_token_reference_id } : {}),
  };
  return JSON.stringify(thin);
}

/**
 * Writes the exact text of an event for one endpoint.
 *
 * @param input.body the stored body.
 * @throws Error for a version that no release has had: the row was not written by us.
 */
export function payloadFor(input: { apiVersion: string; thin: boolean; body: string }): string {
  const shape = Object.hasOwn(SHAPES, input.apiVersion) ? SHAPES[input.apiVersion as ApiVersion] : undefined;
  if (shape === undefined) throw new Error(`there is no payload version ${input.apiVersion}`);
  // Thin events have the same shape in every version so far.
  return input.thin ? thinned(input.body) : shape(input.body);
}
