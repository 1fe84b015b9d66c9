import { ask } from './ask.js';
import { filled, missing, remember } from './collect.js';
import { button, el, note, paragraph, problem, show } from './elements.js';
import { backButton, cancelButton, finished, problemOf } from './ends.js';
import { addressField, credentialFields, nameField, settingField, timeZoneField } from './fields.js';
import { form } from './form.js';
import { isLoggedIn, state, typed } from './state.js';
import { untilWhen } from './until-when.js';

async function connect(go, made, confirmed) {
  remember(made);
  const lack = missing(made);
  if (lack !== null) return lack;
  const { session, chosen } = state;
  const baseUrl = made.elements.base_url?.value.trim();
  const answer = await ask('connect', {
    adapter: chosen.adapter,
    way: chosen.way,
    ...(baseUrl === undefined ? {} : { base_url: baseUrl }),
    ...(session.renews === null ? { name: typed.name.trim() } : {}),
    time_zone: typed.timeZone,
    credentials: filled(made, 'credential:'),
    settings: filled(made, 'setting:'),
    ...(confirmed ? { other_practice_is_right: true } : {}),
  });
  const wrong = problemOf(answer, go);
  if (wrong !== null) return wrong;
  if (answer.outcome === 'connected') {
    finished('Connected', 'The connection works and is saved.', answer.returnTo);
    return null;
  }
  if (answer.outcome === 'other_practice') {
    confirmOther(go, made);
    return null;
  }
  return { text: answer.reason, field: answer.field };
}

/** Asks once more, because money could go elsewhere. What was typed stays in the old form, which is not shown. */
function confirmOther(go, made) {
  show(
    'Is this the same practice?',
    note(
      'None of the patients to whom the last payments went is found with this login. It may belong to another practice: then payments would go there.',
    ),
    form([], {
      main: 'It is the right practice: connect',
      busy: 'Trying the connection…',
      act: () => connect(go, made, true),
      others: [button('No, go back', () => go.details()), cancelButton(go)],
    }),
  );
}

function advancedSettings(settings) {
  if (settings.length === 0) return null;
  return el(
    'details',
    {},
    el('summary', { textContent: 'Advanced settings' }),
    ...settings.map(settingField),
  );
}

/** The form of the chosen EMR: what a login has not given, and the time zone. */
export function details(go, notice) {
  const { session, chosen } = state;
  const { renews } = session;
  const required = chosen.settings.filter((each) => each.required);
  const advanced = chosen.settings.filter((each) => !each.required);
  show(
    renews === null ? `Connect ${chosen.title}` : 'Renew the login',
    problem(notice),
    isLoggedIn(chosen) ? note('You have logged in. One step is left.') : null,
    renews === null ? null : paragraph(`Practice: ${renews.name}`),
    untilWhen(),
    form(
      [
        renews === null ? nameField() : null,
        chosen.way === 'credentials' && renews === null ? addressField() : null,
        ...credentialFields(chosen.credentials),
        ...required.map(settingField),
        timeZoneField(),
        advancedSettings(advanced),
      ],
      {
        main: 'Connect',
        busy: 'Trying the connection…',
        act: (made) => connect(go, made, false),
        others: [...backButton(go), cancelButton(go)],
      },
    ),
  );
}
