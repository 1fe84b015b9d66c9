import { el } from './elements.js';
import { state, typed } from './state.js';

let fields = 0;
function field({ name, label, hint, input }) {
  fields += 1;
  const id = `f${fields}`;
  Object.assign(input, { id, name });
  input.setAttribute('aria-describedby', `${id}-hint`);
  return el(
    'div',
    { className: 'field' },
    el('label', { htmlFor: id, textContent: label }),
    el('p', { className: 'hint', id: `${id}-hint`, textContent: hint }),
    input,
  );
}

const textInput = (value, type = 'text') =>
  el('input', { type, value, autocomplete: 'off', spellcheck: false, data: { autocapitalize: 'none' } });

/** The words for fields that need not be filled in. */
const labelled = ({ label, required }) => (required ? label : `${label} (optional)`);

export function credentialFields(list) {
  if (list.length === 0) return [];
  const inputs = list.map((each) => ({
    each,
    input: el('input', {
      type: 'password',
      autocomplete: 'off',
      spellcheck: false,
      data: { 'data-secret': '' },
    }),
  }));
  const box = el('input', {
    type: 'checkbox',
    id: 'reveal',
    onchange: () =>
      inputs.forEach(({ input }) => {
        input.type = box.checked ? 'text' : 'password';
      }),
  });
  return [
    el('h2', { textContent: 'Credentials' }),
    ...inputs.map(({ each, input }) =>
      field({ name: `credential:${each.name}`, label: labelled(each), hint: each.description, input }),
    ),
    el(
      'div',
      { className: 'check' },
      box,
      el('label', { htmlFor: 'reveal', textContent: 'Show what I type' }),
    ),
  ];
}

export function settingField(each) {
  const value = typed.settings[each.name] ?? '';
  let input = textInput(value);
  if (each.type === 'boolean') {
    input = el(
      'select',
      {},
      ...[
        ['', 'As usual'],
        ['true', 'Yes'],
        ['false', 'No'],
      ].map(([key, text]) => el('option', { value: key, textContent: text })),
    );
    input.value = value;
  }
  if (each.type === 'integer') input.inputMode = 'numeric';
  return field({ name: `setting:${each.name}`, label: labelled(each), hint: each.description, input });
}

export function timeZoneField() {
  const own = state.session.renews?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set([own, 'UTC', ...Intl.supportedValuesOf('timeZone')])].sort();
  const input = el(
    'select',
    {},
    ...zones.map((zone) => el('option', { value: zone, textContent: zone.replaceAll('_', ' ') })),
  );
  input.value = typed.timeZone || own;
  return field({
    name: 'time_zone',
    label: "The practice's time zone",
    hint: 'It decides which day a payment belongs to.',
    input,
  });
}

export const nameField = () =>
  field({
    name: 'name',
    label: 'Name of the practice',
    hint: `So that ${state.session.clientName} can tell your practices apart.`,
    input: textInput(typed.name),
  });

export const addressField = () =>
  field({
    name: 'base_url',
    label: "The EMR's address",
    hint: 'It begins with https://.',
    input: textInput(typed.baseUrl[state.chosen.adapter] ?? state.chosen.baseUrl ?? '', 'url'),
  });
