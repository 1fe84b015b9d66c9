import { ask } from './ask.js';
import { button, el, paragraph, say, show } from './elements.js';
import { state } from './state.js';
import { ENDED } from './words.js';

let deadline = [];

function stopWatch() {
  for (const timer of deadline) clearTimeout(timer);
  deadline = [];
}

/** Shows that this window can do nothing more. `key` is one of `ENDED`. */
export function over(key) {
  stopWatch();
  show('This link cannot be used', paragraph(ENDED[key] ?? ENDED.over));
}

/** Shows the end of the session, and leads the browser back to who made the link. */
export function finished(title, text, to) {
  stopWatch();
  const link = el('a', {
    className: 'button',
    href: to,
    textContent: `Go back to ${state.session.clientName}`,
  });
  show(title, paragraph(text), el('div', { className: 'acts' }, link));
  location.replace(to);
}

/** Ends the view when the time of the session is over, and warns two minutes before. */
export function watchTime() {
  stopWatch();
  const left = new Date(state.session.expiresAt).getTime() - Date.now();
  deadline = [
    setTimeout(() => say('This page works for two more minutes.'), Math.max(0, left - 120_000)),
    setTimeout(() => over('expired'), Math.max(0, left)),
  ];
}

/**
 * Says what an answer without a result means: a problem for the form; undefined when another view is shown instead; null when the answer
 * has a result.
 */
export function problemOf(answer, go) {
  if (answer.problem !== undefined) return { text: answer.problem };
  if (answer.outcome === 'other_session') {
    over('other_session');
    return undefined;
  }
  if (answer.outcome === 'over') {
    // Another window, or a request whose answer was lost, may have finished it.
    void go.load();
    return undefined;
  }
  if (answer.outcome === 'too_many_tries')
    return { text: 'This link was tried too often. Ask who sent it to you for a new one.' };
  return null;
}

export const cancelButton = (go) =>
  button('Cancel', async () => {
    const answer = await ask('cancel', {});
    if (answer.outcome === 'canceled') finished('Canceled', 'Nothing was connected.', answer.returnTo);
    else if (answer.outcome === 'other_session') over('other_session');
    else await go.load();
  });

export const backButton = (go) =>
  state.session.choices.length > 1 ? [button('Back', () => go.choose())] : [];
