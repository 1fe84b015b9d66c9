// Shows the newest messages. It fetches them once a second while the page is visible. Everything that came from outside is
// set as textContent and never as markup.
const SHOWN = 100;
const EVERY_MS = 1000;

const list = document.querySelector('#messages');
const empty = document.querySelector('#empty');
const state = document.querySelector('#state');
const template = document.querySelector('#message');
let shown = '';

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function typeOf(body) {
  try {
    const { type } = JSON.parse(body);
    return typeof type === 'string' ? type : 'no type';
  } catch {
    return 'not JSON';
  }
}

function row(message) {
  const node = template.content.cloneNode(true);
  const put = (selector, text) => {
    const element = node.querySelector(selector);
    element.textContent = text;
    return element;
  };
  const badge = put('.badge', message.verified ? 'verified' : `not verified: ${message.reason}`);
  badge.classList.toggle('verified', message.verified);
  put('.type', typeOf(message.body));
  put('time', new Date(message.received_at).toLocaleString()).dateTime = message.received_at;
  put('.id', message.id);
  put('.body', pretty(message.body));
  put(
    '.headers',
    Object.entries(message.headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  );
  return node;
}

// Adds only the rows that are new, above those that are shown, so that opened headers stay open.
function show(messages) {
  const text = JSON.stringify(messages.map((message) => [message.id, message.received_at]));
  if (text === shown) return;
  const before = shown === '' ? [] : JSON.parse(shown);
  shown = text;
  const [first] = before;
  const fresh =
    first === undefined
      ? -1
      : messages.findIndex((one) => one.id === first[0] && one.received_at === first[1]);
  if (fresh === -1) list.replaceChildren(...messages.map(row));
  else list.prepend(...messages.slice(0, fresh).map(row));
  while (list.children.length > messages.length) list.lastElementChild.remove();
  empty.hidden = messages.length > 0;
}

async function poll() {
  if (!document.hidden) {
    try {
      const answer = await fetch(`/messages?limit=${SHOWN}`);
      const messages = await answer.json();
      show(messages);
      const bad = messages.filter((message) => !message.verified).length;
      const count = `${messages.length}${messages.length === SHOWN ? ' newest' : ''}`;
      state.textContent = `Live. ${count} shown${bad > 0 ? `, ${bad} not verified` : ''}.`;
    } catch {
      state.textContent = 'The inbox does not answer. Trying again.';
    }
  }
  setTimeout(poll, EVERY_MS);
}

document.querySelector('#clear').addEventListener('click', async () => {
  await fetch('/messages', { method: 'DELETE' });
  show([]);
});

empty.hidden = false;
poll();
