// The script of the connect page: reads how far the session has come, and shows the view for it.

import { ask } from './ask.js';
import { choose } from './choose.js';
import { details } from './details.js';
import { button, el, paragraph, show } from './elements.js';
import { finished, over, watchTime } from './ends.js';
import { form } from './form.js';
import { logIn } from './log-in.js';
import { isLoggedIn, state } from './state.js';
import { ENDED, NOTICES } from './words.js';

/** The ways from one view to another. */
const go = {
  load,
  choose: (notice = null) => choose(go, notice),
  details(notice = null) {
    const { chosen } = state;
    if (chosen.way === 'login' && !isLoggedIn(chosen)) logIn(go, notice);
    else details(go, notice);
  },
};

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
  state.session = answer;
  if (answer.state === 'connected')
    return finished('Connected', 'The practice is connected.', answer.returnTo);
  if (answer.state === 'canceled') return finished('Canceled', 'Nothing was connected.', answer.returnTo);
  watchTime();
  const { choices } = answer;
  if (choices.length === 0)
    return show('This EMR cannot be connected here', paragraph('Ask who sent you this link for help.'));
  state.chosen = choices.find(isLoggedIn) ?? (choices.length === 1 ? choices[0] : null);
  return state.chosen === null ? go.choose(notice) : go.details(notice);
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
