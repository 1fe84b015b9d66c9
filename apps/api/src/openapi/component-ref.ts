import { type Static, type TSchema, Type } from '@sinclair/typebox';

/** A reference to a schema that `buildApp` registered under its `$id`, with the same static type. */
export function componentRef<T extends TSchema>(schema: T) {
  if (schema.$id === undefined) throw new TypeError('only a schema with an $id can be referred to');
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` });
}
