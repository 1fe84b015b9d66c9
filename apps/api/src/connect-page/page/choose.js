import { el, problem, show } from './elements.js';
import { cancelButton } from './ends.js';
import { form } from './form.js';
import { state } from './state.js';

/** Names a choice: of a practice that is connected only the way is open. */
function labelOf({ title, way, baseUrl }) {
  if (state.session.renews === null) return title;
  return way === 'login' ? `Log in at ${new URL(baseUrl).host}` : 'Fill in new credentials';
}

/** The choice of the EMR, or of the way in which its login is renewed. */
export function choose(go, notice = null) {
  const { session } = state;
  state.chosen = null;
  const boxes = session.choices.map((choice, n) => {
    const id = `choice${n}`;
    const box = el('input', { type: 'radio', name: 'choice', id, value: String(n) });
    return el(
      'label',
      { className: 'option', htmlFor: id },
      box,
      el('span', { textContent: labelOf(choice) }),
    );
  });
  const [title, legend] =
    session.renews === null
      ? ['Which EMR does your practice use?', `Choose the EMR that ${session.clientName} posts payments to.`]
      : ['How do you renew the login?', `Practice: ${session.renews.name}`];
  show(
    title,
    problem(notice),
    form([el('fieldset', {}, el('legend', { textContent: legend }), ...boxes)], {
      main: 'Next',
      busy: 'Next',
      act: async (made) => {
        const picked = made.querySelector('input[name="choice"]:checked');
        if (picked === null) return { text: 'Choose one of them.' };
        state.chosen = session.choices[Number(picked.value)];
        go.details();
        return null;
      },
      others: [cancelButton(go)],
    }),
  );
}
