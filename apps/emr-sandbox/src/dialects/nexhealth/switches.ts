import { type Static, Type } from '@sinclair/typebox';

const OneOf = <T extends string>(...values: T[]) => Type.Unsafe<T>({ type: 'string', enum: values });

export const SwitchesSchema = Type.Object(
  {
    /** false: the vendor has not turned on financial data for the key, so every ledger call is refused with 403. */
    financial_data: Type.Boolean(),
    /** `red`: payments are accepted and wait until it is `green` again. */
    write_status: OneOf('green', 'red'),
    /** `failed`: the practice's EMR refuses what NexHealth has accepted, and only the webhook says so. */
    insertions: OneOf('written', 'failed'),
    /** `by_amount`: an amount whose cents are 7, 14, 21 … 98 becomes two rows in the EMR. */
    split_rows: OneOf('by_amount', 'always', 'never'),
  },
  { additionalProperties: false },
);

export type SwitchSet = Static<typeof SwitchesSchema>;
/** The state of this NexHealth that no call of the vendor's API can change. */
export type Switches = { current: SwitchSet };

export const AT_START: SwitchSet = {
  financial_data: true,
  write_status: 'green',
  insertions: 'written',
  split_rows: 'by_amount',
};
