// What the shop does better with a script. Everything works without: forms post, links lead.
const root = document.documentElement;
/** By form, what was sent and not answered, with its key. */
const unanswered = new WeakMap();

showVisitor();
document.addEventListener('submit', onSubmit);
document.addEventListener('change', onChange);
for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => print());
}

/** Shared pages know nobody: the name was left by the last personal page, the count is asked for. */
function showVisitor() {
  try {
    if ('name' in root.dataset) localStorage.setItem('name', root.dataset.name);
    const name = localStorage.getItem('name');
    if (name) document.querySelector('[data-name-here]').textContent = name;
  } catch {
    // Storage may be forbidden; the link then says "Account".
  }
  if ('counted' in root.dataset) return;
  fetch('/api/cart', { headers: { Accept: 'application/json' } })
    .then((answer) => (answer.status === 401 ? forgetVisitor() : answer.ok && answer.json()))
    .then((cart) => cart && showCount(cart.count))
    .catch(() => {});
}

/** The session has ended, and the answer that told so took its cookie away: a guest with an empty bag from now on. */
function forgetVisitor() {
  document.querySelector('[data-name-here]').textContent = 'Account';
  try {
    localStorage.removeItem('name');
  } catch {
    // Nothing was left there.
  }
  return { count: 0 };
}

function showCount(count) {
  for (const element of document.querySelectorAll('[data-count-here]')) element.textContent = count || '';
}

function onSubmit(event) {
  const form = event.target;
  if (form.matches('[data-add]')) intercept(event, form, addToBag);
  else if (form.matches('[data-swap]')) intercept(event, form, swapPage);
  else if (form.method === 'post') {
    // The second click of a double click.
    if (form.ariaBusy === 'true') event.preventDefault();
    form.ariaBusy = 'true';
    addEventListener('pageshow', () => (form.ariaBusy = null), { once: true });
  }
}

async function intercept(event, form, act) {
  event.preventDefault();
  if (form.ariaBusy === 'true') return;
  form.ariaBusy = 'true';
  const button = event.submitter;
  button?.setAttribute('aria-busy', 'true');
  try {
    await act(form);
  } catch {
    // The page itself knows how to tell what is wrong.
    if (form.isConnected) form.submit();
    else location.reload();
  } finally {
    form.ariaBusy = null;
    button?.removeAttribute('aria-busy');
  }
}

async function addToBag(form) {
  const chosen = form.querySelector('[name=variantId]:checked, [name=variantId][type=hidden]');
  if (!chosen) {
    const sizes = [...form.querySelectorAll('.sizes')].find((group) => group.checkVisibility());
    sizes?.querySelector('input:enabled')?.focus();
    return say('Please choose a size.');
  }
  const bag = { href: '/cart', text: 'View bag' };
  const add = JSON.stringify({ variantId: chosen.value, quantity: Number(form.elements.quantity.value) });
  // Until it is answered the same add bears the same key: pressed again, it counts once.
  const key = unanswered.get(form)?.[add] ?? crypto.randomUUID();
  unanswered.set(form, { [add]: key });
  const answer = await send('/api/cart/lines', add, key);
  if (!answer) return say('The shop does not answer right now. Try again: it is added only once.', bag);
  unanswered.delete(form);
  const { ok, body } = answer;
  if (!ok) return say(`${body.detail}.`);
  showCount(body.count);
  const line = body.lines.find(({ variantId }) => variantId === chosen.value);
  const what = [line?.name, line?.color, line?.size].filter(Boolean).join(', ');
  say(`Added to your bag: ${what}.`, bag);
}

/** The same key again is the same add, so what failed on the way is sent again without harm. Nothing where no answer can be read. */
async function send(url, body, key) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  for (let attempt = 1; attempt <= 4; attempt++) {
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => {});
    if (answer?.status === 401) {
      forgetVisitor();
      continue;
    }
    const read = answer?.status < 500 && (await answer.json().catch(() => {}));
    if (read) return { ok: answer.ok, body: read };
    await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt * (0.5 + Math.random())));
  }
}

let swapping = Promise.resolve();

/** One after another, so that an older answer never shows over a newer one. */
function swapPage(form) {
  const sent = new URLSearchParams(new FormData(form));
  const swapped = swapping.then(() => swapNow(form, sent));
  swapping = swapped.catch(() => {});
  return swapped;
}

/** Posts a form of the bag and shows the page that answers in place of this one; focus, and what is being typed, stay. */
async function swapNow(form, sent) {
  const answer = await fetch(form.action, { method: 'POST', body: sent });
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const content = next.querySelector('main');
  if (!content) throw new Error('The answer is no page');
  const before = document.activeElement;
  document.title = next.title;
  document.querySelector('main').replaceWith(content);
  document.querySelector('.actions').replaceWith(next.querySelector('.actions'));
  // What was pressed, or what stands in its place: the way back from a removal, and the line that came back.
  const ids = [before?.id, 'removed', `q-${sent.get('variantId')}`];
  const after = ids.map((id) => document.getElementById(id)).find(Boolean) ?? content;
  after.focus();
  const quantity = form.elements.quantity;
  const field = document.getElementById(quantity.id);
  // Changed again while the shop answered.
  if (field && quantity.value !== sent.get('quantity')) {
    field.value = quantity.value;
    field.form.requestSubmit();
  } else if (after.name === 'quantity' && before.value !== before.defaultValue) after.value = before.value;
}

function onChange({ target }) {
  if (target.matches('[data-swap] [name=quantity]') && target.checkValidity()) target.form.requestSubmit();
  if (target.matches('.swatch-input')) keepSize(target);
}

/** Another colour: the same size, where there is one. */
function keepSize(swatch) {
  const sizes = swatch.form.elements.variantId;
  const before = [...(sizes.length ? sizes : [sizes])].find((size) => size.checked);
  if (before?.type !== 'radio') return;
  before.checked = false;
  const group = swatch.nextElementSibling.nextElementSibling;
  for (const size of group.querySelectorAll('input:enabled')) {
    if (size.dataset.size === before.dataset.size) size.checked = true;
  }
}

function say(text, link) {
  document.querySelector('.added')?.remove();
  const box = document.createElement('div');
  box.className = 'added';
  box.setAttribute('role', 'status');
  document.body.append(box);
  // Filled after it stands in the page, so that it is read out.
  requestAnimationFrame(() => {
    const sentence = document.createElement('p');
    sentence.textContent = text;
    box.append(sentence);
    if (!link) return;
    const more = document.createElement('p');
    const anchor = Object.assign(document.createElement('a'), { href: link.href, textContent: link.text });
    more.append(anchor);
    box.append(more);
  });
}
