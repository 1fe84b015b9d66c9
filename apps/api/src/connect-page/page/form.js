import { button, el, forgetProblem, paragraph, say } from './elements.js';

/** A form whose main button stays in place while its work runs, so that the focus is not lost. */
export function form(parts, { main, busy, act, others = [] }) {
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
    forgetProblem();
    place.replaceChildren();
    for (const marked of made.querySelectorAll('[aria-invalid]')) unmark(marked);
    go.setAttribute('aria-disabled', 'true');
    go.textContent = busy;
    say(busy);
    const wrong = await act(made);
    go.removeAttribute('aria-disabled');
    go.textContent = main;
    say('');
    if (wrong) complain(place, wrong, made);
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
