// Text from the ledger is set as textContent only, never as HTML.
const SHOWN = 100;
const byId = (id) => document.getElementById(id);
const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const whole = new Intl.NumberFormat('en-US');
const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' });
let newest = 0;

function cell(row, label, text, className) {
  const td = document.createElement('td');
  td.dataset.label = label;
  td.textContent = text ?? '–';
  if (className) td.className = className;
  row.append(td);
  return td;
}

function rowOf(posting) {
  const row = document.createElement('tr');
  const received = new Date(posting.received_at);
  cell(row, 'Received', time.format(received)).title = posting.received_at;
  cell(row, 'Dialect', posting.dialect, 'dialect');
  cell(row, 'Amount', money.format(posting.amount), 'money');
  cell(row, 'Method', posting.payment_method);
  cell(row, 'Patient', posting.patient_mrn ?? posting.patient_id);
  cell(row, 'Reference', posting.reference_number);
  const place = [posting.location, posting.location_name].filter(Boolean).join(' · ');
  cell(row, 'Location', place || null);
  cell(row, 'Deposit date', posting.deposit_date);
  cell(row, 'Note', posting.notes, 'note');
  cell(row, 'EMR transaction', posting.emr_transaction_id, 'id');
  cell(row, 'Payment', posting.payment_id, 'id');
  return row;
}

function showChanges(changes) {
  const items = changes.map(({ at, what, id }) => {
    const item = document.createElement('li');
    item.textContent = [time.format(new Date(at)), what, id].filter(Boolean).join(' · ');
    return item;
  });
  byId('happened').replaceChildren(...items);
  byId('changes').hidden = items.length === 0;
}

function show({ count, total, patients, changes, postings }) {
  byId('patients').textContent = whole.format(patients);
  showChanges(changes);
  byId('count').textContent = whole.format(count);
  byId('total').textContent = money.format(total);
  const rows = byId('rows');
  for (const posting of postings) {
    // After a reconnect the stream sends the newest postings again.
    if (posting.seq <= newest) continue;
    newest = posting.seq;
    rows.prepend(rowOf(posting));
  }
  while (rows.children.length > SHOWN) rows.lastElementChild.remove();
  byId('empty').hidden = count > 0;
  byId('table').hidden = count === 0;
  byId('more').hidden = count <= SHOWN;
}

const stream = new EventSource('/sandbox/stream');
stream.onopen = () => {
  byId('state').textContent = 'live';
};
stream.onerror = () => {
  byId('state').textContent = 'reconnecting';
};
stream.onmessage = (event) => show(JSON.parse(event.data));
