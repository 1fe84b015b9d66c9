// The script of the connect page. It makes elements and texts, never markup: nothing that it shows can become a script.

const API = new URL('../api/', import.meta.url);
const page = document.getElementById('page');
const status = document.getElementById('status');

/** Sentences for the words that the return from an EMR's login puts into the address. */
const NOTICES = {
  denied: 'You did not allow the access at the EMR, so nothing was connected. You can try again, or cancel.',
  refused: 'The EMR refused the login. Try again; if it happens again, ask who sent you this link for help.',
  'not-trusted': 'The answer from the EMR could not be trusted, and nothing was connected. Log in again.',
  'not-expected':
    'This login was used before, or was not begun in this window. Nothing was connected by it. If you are not finished, log in again.',
  'not-lasting':
    'The EMR gave a login that does not last, and nothing was connected. Ask who sent you this link for help.',
  unavailable: 'The EMR did not answer, and nothing was connected. Try again in a few minutes.',
  'no-session':
    'The login at the EMR came back to a browser that did not open the link, or after its time was over. Open the link again in one browser, or ask for a new one.',
  over: 'This login was ended by another one, or the time of this link was over when you came back. Log in again, or ask for a new link.',
  tries: 'This link was tried too often. Ask who sent it to you for a new one.',
  failed:
    'The login could not be finished here at the moment, and nothing was connected. Log in again in a minute.',
};
const ENDED = {
  used: 'This link was opened in another browser already. Go on there, or ask for a new link.',
  expired: 'The time of this link is over. Ask who sent it to you for a new one.',
  ended: 'This link has done its work. There is nothing more to do.',
  unknown: 'This link is not known here. Check that you have opened all of it, or ask for a new one.',
  other_session:
    'Another link was opened in this browser, and this window no longer works. Nothing of it was sent on. Go on in the other window; for this practice, ask for a new link.',
  over: 'This session is over. Ask who sent you the link for a new one.',
};
const BROKEN = 'The service could not be reached. Check your connection, and try again.';

/** What the person has typed so far, but for secrets. */
const typed = { name: '', baseUrl: {}, timeZone: '', settings: {} };
let session = null;
let chosen = null;
let deadline = [];

function el(tag, properties = {}, ...children) {
  const { data, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(data ?? {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Shows one view, and puts the focus where reading begins. */
function show(title, ...children) {
  const heading = el('h1', { textContent: title, tabIndex: -1 });
  document.title = title;
  status.textContent = '';
  page.replaceChildren(heading, ...children.filter((child) => child !== null));
  heading.focus();
}

async function ask(path, body) {
  // Names the session that this window shows: a second link in the same browser takes its cookie over.
  const shown = session?.id ?? '1';
  const answer = await fetch(new URL(path, API), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'x-emr-connect': shown,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => null);
  if (answer === null) return { problem: BROKEN };
  const read = await answer.json().catch(() => ({}));
  if (answer.ok) return read.data;
  if (read.code === 'connect_session_not_found') return { outcome: 'over' };
  return { problem: read.message ?? BROKEN };
}

const button = (text, act, main = false) =>
  el('button', {
    type: main ? 'submit' : 'button',
    className: main ? 'main' : '',
    textContent: text,
    ...(act ? { onclick: act } : {}),
  });

const paragraph = (text) => el('p', { textContent: text });
const note = (text) => el('div', { className: 'note' }, paragraph(text));

/** A form whose main button stays in place while its work runs, so that the focus is not lost. */
function form(parts, { main, busy, act, others = [] }) {
  const go = button(main, null, true);
  const place = el('div');
  const made = el(
    'form',
    { noValidate: true },
    place,
    ...parts.filter((part) => part !== null),
    el('div', { className: 'acts' }, go, ...others),
  );
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (go.getAttribute('aria-disabled') === 'true') return;
    place.replaceChildren();
    for (const wrong of made.querySelectorAll('[aria-invalid]')) unmark(wrong);
    go.setAttribute('aria-disabled', 'true');
    go.textContent = busy;
    status.textContent = busy;
    const problem = await act(made);
    go.removeAttribute('aria-disabled');
    go.textContent = main;
    status.textContent = '';
    if (problem) complain(place, problem, made);
  });
  return made;
}

function unmark(input) {
  input.removeAttribute('aria-invalid');
  document.getElementById(`${input.id}-wrong`)?.remove();
  input.setAttribute('aria-describedby', `${input.id}-hint`);
}

/** Says what is wrong at the top of the form and at the field, and leads there. */
function complain(place, { text, field }, within) {
  for (const secret of within.querySelectorAll('[data-secret]')) secret.value = '';
  const input = field === undefined || field === null ? null : within.querySelector(`[name="${field}"]`);
  if (input !== null) {
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', `${input.id}-hint ${input.id}-wrong`);
    input.after(el('p', { className: 'wrong', id: `${input.id}-wrong`, textContent: text }));
    input.closest('details')?.setAttribute('open', '');
  }
  place.replaceChildren(
    el('div', { className: 'problem', tabIndex: -1, data: { role: 'alert' } }, paragraph(text)),
  );
  (input ?? place.firstChild).focus();
}

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

function credentialFields(list) {
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

function settingField(each) {
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

function timeZoneField() {
  const own = session.renews?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
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

const nameField = () =>
  session.renews !== null
    ? null
    : field({
        name: 'name',
        label: 'Name of the practice',
        hint: `So that ${session.clientName} can tell your practices apart.`,
        input: textInput(typed.name),
      });

function remember(made) {
  for (const { name, value } of made.elements) {
    if (name === 'name') typed.name = value;
    if (name === 'time_zone') typed.timeZone = value;
    if (name === 'base_url') typed.baseUrl[chosen.adapter] = value;
    if (name.startsWith('setting:')) typed.settings[name.slice(8)] = value;
  }
}

/** Collects the filled-in fields whose names begin so. */
const filled = (made, kind) =>
  Object.fromEntries(
    [...made.elements]
      .filter(({ name, value }) => name.startsWith(kind) && value.trim() !== '')
      .map(({ name, value }) => [name.slice(kind.length), value.trim()]),
  );

/** Finds the first field that must not stay empty. */
function missing(made) {
  const must = [
    ...[...chosen.credentials, ...chosen.settings]
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

function leave(to) {
  const link = el('a', { className: 'button', href: to, textContent: `Go back to ${session.clientName}` });
  return [link, () => location.replace(to)];
}

function finished(title, text, to) {
  const [link, go] = leave(to);
  show(title, paragraph(text), el('div', { className: 'acts' }, link));
  go();
}

function over(key) {
  for (const timer of deadline) clearTimeout(timer);
  show('This link cannot be used', paragraph(ENDED[key] ?? ENDED.over));
}

/** What an answer means that has no result; null when it has one. */
function problemOf(answer) {
  if (answer.problem !== undefined) return { text: answer.problem };
  if (answer.outcome === 'other_session') {
    over('other_session');
    return undefined;
  }
  if (answer.outcome === 'over') {
    // Another window, or a request whose answer was lost, may have finished it.
    void load();
    return undefined;
  }
  return null;
}

async function cancel() {
  const answer = await ask('cancel', {});
  if (answer.outcome === 'canceled') finished('Canceled', 'Nothing was connected.', answer.returnTo);
  else if (answer.outcome === 'other_session') over('other_session');
  else await load();
}

const cancelButton = () => button('Cancel', cancel);
const backButton = () =>
  session.choices.length > 1
    ? [
        button('Back', () => {
          chosen = null;
          choose();
        }),
      ]
    : [];

async function connect(made, confirmed) {
  remember(made);
  const lack = missing(made);
  if (lack !== null) return lack;
  const baseUrl = made.elements.base_url?.value.trim();
  const answer = await ask('connect', {
    adapter: chosen.adapter,
    ...(baseUrl === undefined ? {} : { base_url: baseUrl }),
    ...(session.renews === null ? { name: typed.name.trim() } : {}),
    time_zone: typed.timeZone,
    credentials: filled(made, 'credential:'),
    settings: filled(made, 'setting:'),
    ...(confirmed ? { other_practice_is_right: true } : {}),
  });
  const problem = problemOf(answer);
  if (problem !== null) return problem;
  if (answer.outcome === 'connected') {
    finished('Connected', 'The connection works and is saved.', answer.returnTo);
    return null;
  }
  if (answer.outcome === 'other_practice') {
    confirmOther(made);
    return null;
  }
  if (answer.outcome === 'too_many_tries')
    return { text: 'This link was tried too often. Ask who sent it to you for a new one.' };
  return { text: answer.reason, field: answer.field };
}

/** Asks once more, because money could go elsewhere. What was typed stays in the old form, which is not shown. */
function confirmOther(made) {
  show(
    'Is this the same practice?',
    note(
      'None of the patients to whom the last payments went is found with this login. It may belong to another practice: then payments would go there.',
    ),
    form([], {
      main: 'It is the right practice: connect',
      busy: 'Trying the connection…',
      act: () => connect(made, true),
      others: [button('No, go back', () => details()), cancelButton()],
    }),
  );
}

/** The form of the chosen EMR. */
function details(notice = null) {
  const loggedIn =
    session.loggedIn !== null &&
    chosen.adapter === session.loggedIn.adapter &&
    chosen.baseUrl === session.loggedIn.baseUrl;
  const top =
    notice === null ? null : el('div', { className: 'problem', data: { role: 'alert' } }, paragraph(notice));
  const until = paragraph(
    `This page works until ${new Date(session.expiresAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}.`,
  );
  if (chosen.way === 'login' && !loggedIn) {
    show(
      `Log in at ${chosen.title}`,
      top,
      paragraph(
        `You go to ${new URL(chosen.baseUrl).host}, log in there, and allow the access. Then you come back here. Your password stays there.`,
      ),
      until,
      form([], {
        main: `Log in at ${chosen.title}`,
        busy: 'Going there…',
        act: async () => {
          const answer = await ask('login', { adapter: chosen.adapter, base_url: chosen.baseUrl });
          const problem = problemOf(answer);
          if (problem !== null) return problem;
          if (answer.outcome === 'begun') location.assign(answer.location);
          else return { text: NOTICES.refused };
          return null;
        },
        others: [...backButton(), cancelButton()],
      }),
    );
    return;
  }
  const required = chosen.settings.filter((each) => each.required);
  const advanced = chosen.settings.filter((each) => !each.required);
  const addressed = chosen.way === 'credentials' && session.renews === null;
  show(
    session.renews === null ? `Connect ${chosen.title}` : `Renew the login at ${chosen.title}`,
    top,
    loggedIn ? note(`You have logged in at ${chosen.title}. One step is left.`) : null,
    session.renews === null ? null : paragraph(`Practice: ${session.renews.name}`),
    until,
    form(
      [
        nameField(),
        addressed
          ? field({
              name: 'base_url',
              label: "The EMR's address",
              hint: 'It begins with https://.',
              input: textInput(typed.baseUrl[chosen.adapter] ?? chosen.baseUrl ?? '', 'url'),
            })
          : null,
        ...credentialFields(chosen.credentials),
        ...required.map(settingField),
        timeZoneField(),
        advanced.length === 0
          ? null
          : el(
              'details',
              {},
              el('summary', { textContent: 'Advanced settings' }),
              ...advanced.map(settingField),
            ),
      ],
      {
        main: 'Connect',
        busy: 'Trying the connection…',
        act: (made) => connect(made, false),
        others: [...backButton(), cancelButton()],
      },
    ),
  );
}

/** The choice of the EMR. */
function choose(notice = null) {
  const boxes = session.choices.map((choice, n) => {
    const id = `choice${n}`;
    const box = el('input', { type: 'radio', name: 'choice', id, value: String(n) });
    return el('label', { className: 'option', htmlFor: id }, box, el('span', { textContent: choice.title }));
  });
  show(
    'Which EMR does your practice use?',
    notice === null ? null : el('div', { className: 'problem', data: { role: 'alert' } }, paragraph(notice)),
    form(
      [
        el(
          'fieldset',
          {},
          el('legend', { textContent: `Choose the EMR that ${session.clientName} posts payments to.` }),
          ...boxes,
        ),
      ],
      {
        main: 'Next',
        busy: 'Next',
        act: async (made) => {
          const picked = made.querySelector('input[name="choice"]:checked');
          if (picked === null) return { text: 'Choose one of the EMRs.' };
          chosen = session.choices[Number(picked.value)];
          details();
          return null;
        },
        others: [cancelButton()],
      },
    ),
  );
}

function watchTime() {
  for (const timer of deadline) clearTimeout(timer);
  const left = new Date(session.expiresAt).getTime() - Date.now();
  deadline = [
    setTimeout(
      () => {
        status.textContent = 'This page works for two more minutes.';
      },
      Math.max(0, left - 120_000),
    ),
    setTimeout(() => over('expired'), Math.max(0, left)),
  ];
}

/** Reads how far the session has come, and shows that. */
async function load(notice = null) {
  const answer = await ask('session');
  if (answer.problem !== undefined)
    return show(
      'Connect your EMR',
      paragraph(answer.problem),
      el(
        'div',
        { className: 'acts' },
        button('Try again', () => load(notice)),
      ),
    );
  if (answer.outcome === 'over') return show('This link cannot be used', paragraph(notice ?? ENDED.over));
  session = answer;
  if (session.state === 'connected')
    return finished('Connected', 'The practice is connected.', session.returnTo);
  if (session.state === 'canceled') return finished('Canceled', 'Nothing was connected.', session.returnTo);
  watchTime();
  const { loggedIn, choices } = session;
  const at = choices.find(
    ({ way, adapter, baseUrl }) =>
      way === 'login' && loggedIn !== null && adapter === loggedIn.adapter && baseUrl === loggedIn.baseUrl,
  );
  chosen = at ?? (choices.length === 1 ? choices[0] : null);
  if (choices.length === 0)
    return show('This EMR cannot be connected here', paragraph('Ask who sent you this link for help.'));
  return chosen === null ? choose(notice) : details(notice);
}

/** The first view of a link: it is used up by the person's act, not by a program that opens links to look at them. */
function start(secret) {
  show(
    'Connect your EMR',
    paragraph(
      'With this link you connect your practice, so that payments are posted to its EMR. You need a login or credentials for the EMR.',
    ),
    form([], {
      main: 'Start',
      busy: 'Opening…',
      act: async () => {
        const answer = await ask('open', { secret });
        if (answer.problem !== undefined) return { text: answer.problem };
        history.replaceState(null, '', location.pathname);
        if (answer.outcome === 'opened' || answer.outcome === 'own') await load();
        else over(answer.outcome);
        return null;
      },
    }),
  );
}

// A link that is pasted over this page's address changes the fragment only.
addEventListener('hashchange', () => location.reload());

const secret = location.hash.slice(1);
const word = new URLSearchParams(location.search).get('notice');
if (secret !== '') start(secret);
else {
  if (word !== null) history.replaceState(null, '', location.pathname);
  await load(Object.hasOwn(NOTICES, word) ? NOTICES[word] : null);
}
