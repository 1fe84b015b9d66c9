/** A JSON schema, as far as null is concerned. */
type Schema = {
  $ref?: string;
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
};

/** Schemas by the `$id` that references name. */
export type Schemas = Readonly<Record<string, unknown>>;

type Drop = (value: unknown) => void;

const NOTHING: Drop = () => undefined;

/**
 * Makes the function that takes null out of the optional fields of a body: many generated clients send it for every field that
 * was not set. Fields in which null has a meaning of its own (their schema allows it), required fields and unknown ones keep it,
 * so that the schema accepts or refuses it by name. It goes through nested objects and lists as far as the schema describes them.
 */
export function nullDropper(schema: unknown, schemas: Schemas): Drop {
  return dropperOf(schema as Schema, { schemas, within: [] });
}

type Context = { schemas: Schemas; within: readonly Schema[] };

function dropperOf(given: Schema, { schemas, within }: Context): Drop {
  const schema = resolved(given, schemas);
  // A schema that contains itself: bodies have none, and without this a mistake would be an endless start.
  if (within.includes(schema)) throw new Error('the schema of a body must not contain itself');
  const context = { schemas, within: [...within, schema] };
  const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((part) => dropperOf(part, context));
  if (schema.properties !== undefined) parts.push(fieldsDropper(schema, context));
  if (schema.items !== undefined) {
    const drop = dropperOf(schema.items, context);
    if (drop !== NOTHING) {
      parts.push((value) => {
        if (Array.isArray(value)) for (const item of value) drop(item);
      });
    }
  }
  const needed = parts.filter((drop) => drop !== NOTHING);
  const [first = NOTHING] = needed;
  if (needed.length < 2) return first;
  return (value) => {
    for (const drop of needed) drop(value);
  };
}

function fieldsDropper({ properties = {}, required = [] }: Schema, context: Context): Drop {
  const fields = Object.entries(properties)
    .map(([name, schema]) => ({
      name,
      droppable: !required.includes(name) && !allowsNull(schema, context.schemas),
      drop: dropperOf(schema, context),
    }))
    .filter(({ droppable, drop }) => droppable || drop !== NOTHING);
  if (fields.length === 0) return NOTHING;
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const object = value as Record<string, unknown>;
    for (const { name, droppable, drop } of fields) {
      if (!Object.hasOwn(object, name)) continue;
      if (object[name] !== null) drop(object[name]);
      else if (droppable) delete object[name];
    }
  };
}

function resolved(schema: Schema, schemas: Schemas): Schema {
  if (schema.$ref === undefined) return schema;
  const id = schema.$ref.replace(/#$/, '');
  const found = schemas[id];
  if (found === undefined) throw new Error(`there is no schema ${schema.$ref}`);
  return resolved(found as Schema, schemas);
}

function allowsNull(given: Schema, schemas: Schemas): boolean {
  const schema = resolved(given, schemas);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.some((choice) => allowsNull(choice, schemas));
  if (schema.enum !== undefined) return schema.enum.includes(null);
  if ('const' in schema) return schema.const === null;
  return schema.type === undefined || [schema.type].flat().includes('null');
}
