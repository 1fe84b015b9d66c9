import { state, typed } from './state.js';

/** Keeps what was typed, but for secrets, for the case that the form is made again. */
export function remember(made) {
  for (const { name, value } of made.elements) {
    if (name === 'name') typed.name = value;
    if (name === 'time_zone') typed.timeZone = value;
    if (name === 'base_url') typed.baseUrl[state.chosen.adapter] = value;
    if (name.startsWith('setting:')) typed.settings[name.slice(8)] = value;
  }
}

/** Collects the filled-in fields whose names begin so. */
export const filled = (made, kind) =>
  Object.fromEntries(
    [...made.elements]
      .filter(({ name, value }) => name.startsWith(kind) && value.trim() !== '')
      .map(({ name, value }) => [name.slice(kind.length), value.trim()]),
  );

/** Finds the first field that must not stay empty. */
export function missing(made) {
  const must = [
    ...[...state.chosen.credentials, ...state.chosen.settings]
      .filter(({ required }) => required)
      .map(({ name, label }) => [`credential:${name}`, `setting:${name}`, label]),
  ];
  for (const [credential, setting, label] of must) {
    const input = made.elements[credential] ?? made.elements[setting];
    if (input !== undefined && input.value.trim() === '')
      return { field: input.name, text: `${label} is missing. Fill it in.` };
  }
  for (const [name, label] of [
    ['base_url', "The EMR's address"],
    ['name', 'The name of the practice'],
  ])
    if (made.elements[name] !== undefined && made.elements[name].value.trim() === '')
      return { field: name, text: `${label} is missing. Fill it in.` };
  return null;
}
