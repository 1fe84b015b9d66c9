// By hand: a query builder would replace the SQL, which is what these files are for.

/** A statement whose values have names. `values` returns them in the order of the `$n` of `text`. */
export type NamedStatement<Name extends string> = {
  name: string;
  text: string;
  /** Takes each of the names and no other: anything else is a compile error. */
  values<Given extends Record<Name, unknown>>(
    given: Given & Record<Exclude<keyof Given, Name>, never>,
  ): unknown[];
};

/** `:name`, but not the type of a cast, `::name`. */
const MARKER = /(?<![:\w]):([a-zA-Z]\w*)/g;

/**
 * Compiles a statement with `:name` markers to one with `$n`, once, when the module is loaded.
 *
 * @param input.values the names, each of them once. The first is `$1`.
 * @throws Error when the text has a marker that is not in `values`, or none for one that is, or a `$n` of its own.
 */
export function named<const Names extends readonly string[]>(input: {
  name: string;
  values: Names;
  text: string;
}): NamedStatement<Names[number]> {
  const { name, values: names } = input;
  const numbers = new Map(names.map((each, index) => [each, index + 1]));
  const used = new Set<string>();
  const problem = (what: string) => new Error(`statement ${name}: ${what}`);
  if (numbers.size < names.length) throw problem('a value is listed twice');
  if (/\$\d/.test(input.text)) throw problem('a $n beside named values');
  const text = input.text.replace(MARKER, (_, marker: string) => {
    const number = numbers.get(marker);
    if (number === undefined) throw problem(`:${marker} is not in its values`);
    used.add(marker);
    return `$${number}`;
  });
  const surplus = names.filter((each) => !used.has(each));
  if (surplus.length > 0) throw problem(`:${surplus.join(', :')} is not in its text`);
  return { name, text, values: (given) => names.map((each) => given[each as keyof typeof given]) };
}
