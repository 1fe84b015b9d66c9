// Elements and texts, never markup: nothing that the page shows can become a script.

const page = document.getElementById('page');
const status = document.getElementById('status');

export function el(tag, properties = {}, ...children) {
  const { data, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(data ?? {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Says what goes on, to screen readers too. */
export function say(text) {
  status.textContent = text;
}

/** Shows one view, and puts the focus where reading begins. */
export function show(title, ...children) {
  const heading = el('h1', { textContent: title, tabIndex: -1 });
  document.title = title;
  say('');
  page.replaceChildren(heading, ...children.filter((child) => child !== null));
  heading.focus();
}

export const button = (text, act, main = false) =>
  el('button', {
    type: main ? 'submit' : 'button',
    className: main ? 'main' : '',
    textContent: text,
    ...(act ? { onclick: act } : {}),
  });

export const paragraph = (text) => el('p', { textContent: text });
export const note = (text) => el('div', { className: 'note' }, paragraph(text));

/** Takes away what was said of the time before this view: the person has tried again. */
export function forgetProblem() {
  for (const old of page.querySelectorAll(':scope > .problem')) old.remove();
}

/** A sentence about what went wrong before this view; null: nothing did. */
export const problem = (text) =>
  text === null ? null : el('div', { className: 'problem', data: { role: 'alert' } }, paragraph(text));
