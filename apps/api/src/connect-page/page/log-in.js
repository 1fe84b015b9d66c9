import { ask } from './ask.js';
import { paragraph, problem, show } from './elements.js';
import { backButton, cancelButton, problemOf } from './ends.js';
import { form } from './form.js';
import { state } from './state.js';
import { untilWhen } from './until-when.js';
import { NOTICES } from './words.js';

/** Why no login could be begun. */
const NOT_BEGUN = {
  unavailable: NOTICES.unavailable,
  no_logins: NOTICES['no-logins'],
  address_refused: NOTICES['no-logins'],
};

/** Before the login at the EMR, to which the browser goes. */
export function logIn(go, notice) {
  const { adapter, baseUrl, title } = state.chosen;
  show(
    `Log in at ${title}`,
    problem(notice),
    paragraph(
      `You go to the login of ${new URL(baseUrl).host}, log in there, and allow the access. Then you come back here. Your password stays there.`,
    ),
    untilWhen(),
    form([], {
      main: 'Go to the login',
      busy: 'Going there…',
      act: async () => {
        const answer = await ask('login', { adapter, base_url: baseUrl });
        const wrong = problemOf(answer, go);
        if (wrong !== null) return wrong;
        if (answer.outcome !== 'begun') return { text: NOT_BEGUN[answer.outcome] ?? NOTICES.refused };
        location.assign(answer.location);
        return null;
      },
      others: [...backButton(go), cancelButton(go)],
    }),
  );
}
