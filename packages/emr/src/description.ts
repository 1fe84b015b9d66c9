import { DROPPED_FIELDS } from '@emr-payments/contracts';

/** One credential or setting that an adapter takes. */
export type AdapterField = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean';
  /** True when the connection cannot be opened without it: there is no default. */
  readonly required: boolean;
  readonly default?: string | number | boolean;
  /**
   * Present for a setting that a check reads from the EMR: the value to store when nobody gives one and nothing was read. It claims
   * nothing that the EMR might not do.
   */
  readonly unread?: string | number | boolean;
  /** True for a setting that says which number of a patient the MRNs are: with another value an MRN may be another patient. */
  readonly choosesMrn?: true;
  /**
   * Present for the setting that says the vendor's limit of requests (`EmrAdapter.bucket`): connections that share the limit share it, so
   * only an operator may give it.
   */
  readonly limit?: true;
  /** For the operator: what it is for, and its unit. */
  readonly description: string;
};

/** Everything that an operator must know to connect a user through an adapter. */
export type AdapterDescription = {
  /** The name that a connection gives, such as `fhir-r5`. */
  readonly name: string;
  /** The usual name of the EMR and its API. */
  readonly title: string;
  readonly credentials: readonly AdapterField[];
  readonly settings: readonly AdapterField[];
  /** The facts of the EMR's statement about itself with which the adapter is opened (`EmrConnection.statement`). Unread ones are null. */
  readonly facts?: readonly string[];
  /** Present where a person can log in at the EMR with an application of the operator's (OAuth 2.0, authorization code). */
  readonly login?: AdapterLogin;
  /** True: the EMR can call an address of ours when it has finished a payment (`Dialect.readNotice`). */
  readonly notices?: true;
  /** A connection with made-up credentials, for documentation: it opens, and leads nowhere that takes it. */
  readonly example: AdapterExample;
  /** The dialect's README, from the root of the repository. */
  readonly readme: string;
};

/** A right on resources of a FHIR server: `may` has the letters of SMART's scopes of version 2 (create, read, update, delete, search). */
export type SmartNeed = { readonly resource: string; readonly may: string };

/** The login of a person at an EMR. */
export type AdapterLogin = {
  /** Present: a FHIR server publishes where persons log in (SMART App Launch), and these rights are needed there. */
  readonly smart?: readonly SmartNeed[];
  /** True: a login is the only way to the adapter's credentials, so nobody can type them. */
  readonly only: boolean;
  /** Where the application's id and secret go at the token endpoint, unless the server says otherwise. */
  readonly clientAuth: 'basic' | 'post';
};

export type AdapterExample = {
  /** The vendor's own address, where it has one. */
  readonly baseUrl: string;
  readonly credentials: Readonly<Record<string, string>>;
  /** Those without a default, and no others. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
};

/** Fields of a payment for which an EMR may have no place, by the published names. */
export type DroppableField = (typeof DROPPED_FIELDS)[number];

/** Every fact of a payment that an adapter maps. */
export type OurField = 'payment_id' | 'patient' | 'amount' | DroppableField;

/**
 * The fate of one of our fields at an EMR. `as` names the vendor's field, such as `PayNote`.
 * - `whole`: it is kept as it is, to the longest text that our API takes;
 * - `cut`: at most `to` characters (UTF-16 units) are kept there; `rest` names our field in which the whole text is kept, if any;
 * - `dropped`: the EMR has no place for it. `why` says so where that depends on the payment or on a setting.
 */
export type FieldUse =
  | { kept: 'whole'; as: string }
  | { kept: 'cut'; as: string; to: number; rest?: DroppableField }
  | { kept: 'dropped'; why?: string };

/** Data that an EMR demands for some payment methods and that a payment does not carry. */
export type MethodNeed = {
  /** The methods, as a person names them, such as `cards`. */
  methods: string;
  /** The data, such as `the last four digits of the card`. */
  data: string;
  /** The setting of a connection that supplies it; null when nothing can. */
  setting: string | null;
  /** True when this connection supplies it: such payments are posted. */
  supplied: boolean;
};

/** The treatment of a payment by an EMR over one connection: for `GET /v1/connection`, the CLI and the documentation. */
export type ConnectionDescription = {
  readonly fields: Readonly<Record<OurField, FieldUse>>;
  /** Empty when every method of the practice can be posted with what a payment carries. */
  readonly methodNeeds: readonly MethodNeed[];
  /** The vendor's limits of requests, in words with a unit and what they are counted for; empty when it names none. */
  readonly limits: readonly string[];
  /** The vendor's pages on which this rests. */
  readonly sources: readonly string[];
};

/**
 * Names the fields that the integrator sent and for which the EMR has no place over this connection. Our payment id, for which an EMR may
 * have no place either, is not one of them.
 */
export function droppedFields(adapter: { describe(): ConnectionDescription }): DroppableField[] {
  const { fields } = adapter.describe();
  return DROPPED_FIELDS.filter((name) => fields[name].kept === 'dropped');
}
