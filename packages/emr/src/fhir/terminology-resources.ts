import { type Static, Type } from '@sinclair/typebox';

/** Lists are of unknown items on purpose: one that does not fit is named, and does not make the others unreadable. */
const Items = Type.Optional(Type.Array(Type.Unknown()));
const Text = Type.Optional(Type.String());

export const ExpansionPartSchema = Type.Object({
  total: Type.Optional(Type.Integer({ minimum: 0 })),
  /** R5: the address of the next page. */
  next: Text,
  extension: Items,
  contains: Items,
});
export type Expansion = Static<typeof ExpansionPartSchema>;
export const ExpansionSchema = Type.Object({
  resourceType: Type.Literal('ValueSet'),
  expansion: ExpansionPartSchema,
});

/** One `include` or `exclude` of a ValueSet. */
export const ComposePartSchema = Type.Object({
  system: Text,
  version: Text,
  concept: Items,
  filter: Items,
  valueSet: Items,
});
export type ComposePart = Static<typeof ComposePartSchema>;

const canonical = { url: Text, version: Text, status: Text, date: Text };
export const ValueSetSchema = Type.Object({
  resourceType: Type.Literal('ValueSet'),
  ...canonical,
  compose: Type.Optional(Type.Object({ include: Items, exclude: Items })),
  expansion: Type.Optional(ExpansionPartSchema),
});
export const CodeSystemSchema = Type.Object({
  resourceType: Type.Literal('CodeSystem'),
  ...canonical,
  content: Text,
  concept: Items,
});
export type ValueSet = Static<typeof ValueSetSchema>;
export type CodeSystem = Static<typeof CodeSystemSchema>;
