// Improvements by script. Every page works without it: forms post and links lead.
const root = document.documentElement;
/** By form: the request without an answer yet, with its key. */
const unanswered = new WeakMap();
const messageMs = 8_000;

showVisitor();
enhance();
document.addEventListener('submit', onSubmit);
document.addEventListener('change', onChange);
document.addEventListener('click', onClick);
document.addEventListener('keydown', ({ key }) => key === 'Escape' && closeMessages());
addEventListener('pageshow', ({ persisted }) => persisted && comeBack());
addEventListener('popstate', ({ state }) => state?.shown && show(location.href, () => {}));
/** A screen reader announces what a replaced part of the page now contains. */
const announcer = document.createElement('p');
announcer.className = 'hidden';
announcer.setAttribute('role', 'status');
document.body.append(announcer);

/** Shows controls that need a script, and hides those that only replace one. */
function enhance() {
  for (const button of document.querySelectorAll('[data-print]')) {
    button.hidden = false;
    button.onclick = () => print();
  }
  for (const button of document.querySelectorAll('[data-apply]')) button.hidden = true;
  takeToken();
}

/** A mailed link has its token after `#`, which no server receives. Moves it from the address into the form. */
function takeToken() {
  const place = document.querySelector('[data-from-address]');
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (!place || !token) return;
  place.querySelector('input').value = token;
  place.hidden = true;
  history.replaceState(history.state, '', location.pathname);
}

/** A page from the back-forward cache is old: asks for name and count again, and reloads a bag. */
function comeBack() {
  if (document.querySelector('[data-swap]')) location.reload();
  else showVisitor(true);
}

/** Shared pages name nobody, so name and count are asked for. The browser stores no name. */
function showVisitor(isOld = false) {
  if (!isOld && 'name' in root.dataset) showName(root.dataset.name);
  if (!isOld && 'counted' in root.dataset) return;
  fetch('/api/cart', { headers: { Accept: 'application/json' }, cache: 'no-store' })
    .then((answer) => {
      if (answer.ok || answer.status === 401) showName(answer.headers.get('Account-Name') || '');
      return answer.ok ? answer.json() : undefined;
    })
    .then((cart) => cart && showCount(cart.count))
    .catch(() => {});
}

/** The name is percent-encoded, because it came in a header. */
function showName(name) {
  document.querySelector('[data-name-here]').textContent = decodeURIComponent(name) || 'Account';
}

function showCount(count) {
  for (const element of document.querySelectorAll('[data-count-here]')) element.textContent = count || '';
}

function onSubmit(event) {
  const form = event.target;
  if (form.matches('[data-add]')) intercept(event, form, addToBag);
  else if (form.matches('[data-swap]')) intercept(event, form, swapPage);
  else if (form.matches('[data-filters]')) {
    event.preventDefault();
    applyFilters(form);
  } else if (form.method === 'post') {
    // Ignores the second click of a double click.
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
    // The next page shows what is wrong.
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
    form.querySelector('.sizes input:enabled')?.focus();
    return say(form, 'Please choose a size.');
  }
  const bag = { href: '/cart', text: 'View bag' };
  const add = JSON.stringify({ variantId: chosen.value, quantity: Number(form.elements.quantity.value) });
  // Until it has an answer, the same add has the same key, so that pressing again counts once.
  const key = unanswered.get(form)?.[add] ?? crypto.randomUUID();
  unanswered.set(form, { [add]: key });
  const answer = await send('/api/cart/lines', add, key);
  if (!answer) return say(form, 'The shop does not answer right now. Try again: it is added only once.', bag);
  unanswered.delete(form);
  const { ok, body } = answer;
  if (!ok) return say(form, `${body.detail}.`);
  showCount(body.count);
  const line = body.lines.find(({ variantId }) => variantId === chosen.value);
  const what = [line?.name, line?.color, line?.size].filter(Boolean).join(', ');
  say(form, `Added to your bag: ${what}.`, bag);
}

/** Repeats a failed request safely, because the key makes it count once. Returns nothing without a readable answer. */
async function send(url, body, key) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  for (let attempt = 1; attempt <= 4; attempt++) {
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => {});
    const read = answer?.status < 500 && (await answer.json().catch(() => {}));
    if (read) return { ok: answer.ok, body: read };
    await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt * (0.5 + Math.random())));
  }
}

let swapping = Promise.resolve();

/** Swaps one after another, so that an older answer never replaces a newer one. */
function swapPage(form) {
  const sent = new URLSearchParams(new FormData(form));
  const swapped = swapping.then(() => swapNow(form, sent));
  swapping = swapped.catch(() => {});
  return swapped;
}

/** Posts a form of the bag and shows the answered page in place of this one. Keeps focus and typed input. */
async function swapNow(form, sent) {
  const answer = await fetch(form.action, { method: 'POST', body: sent });
  const next = parsePage(await answer.text());
  const before = document.activeElement;
  document.title = next.title;
  const content = replaceMain(next);
  document.querySelector('.actions').replaceWith(next.querySelector('.actions'));
  // Focuses the pressed element, or its successor: the undo button of a removal, or the restored line.
  const ids = [before?.id, 'removed', `q-${sent.get('variantId')}`];
  const after = ids.map((id) => document.getElementById(id)).find(Boolean) ?? content;
  after.focus();
  const quantity = form.elements.quantity;
  const field = document.getElementById(quantity.id);
  // The quantity was changed again while the shop answered.
  if (field && quantity.value !== sent.get('quantity')) {
    field.value = quantity.value;
    field.form.requestSubmit();
  } else if (after.name === 'quantity' && before.value !== before.defaultValue) after.value = before.value;
}

/** @throws where the text is no page of the shop */
function parsePage(text) {
  const page = new DOMParser().parseFromString(text, 'text/html');
  if (!page.querySelector('main')) throw new Error('The answer is no page');
  return page;
}

function replaceMain(page) {
  replaceParts(page, ['main']);
  return document.querySelector('main');
}

function replaceParts(page, selectors) {
  for (const selector of selectors)
    document.querySelector(selector).replaceWith(page.querySelector(selector));
  enhance();
}

let latest;

/**
 * Shows the page at an address, or parts of it, in place of this one. If that fails, the browser navigates. @returns
 * whether it is shown
 */
async function show(url, remember, selectors = ['main']) {
  const asked = {};
  latest = asked;
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error('The answer is no list and no product');
    const page = parsePage(await answer.text());
    // Another page was requested meanwhile.
    if (latest !== asked) return false;
    remember(page);
    replaceParts(page, selectors);
    document.title = page.title;
    return true;
  } catch {
    location.assign(url);
    return false;
  }
}

/** Shows the list for the present filters. Keeps the focus and whether the filters are open. */
async function applyFilters(form) {
  const chosen = [...new FormData(form)].filter(([, value]) => value !== '');
  const url = `${form.action}?${new URLSearchParams(chosen)}`;
  const isOpen = form.closest('details').open;
  let focused;
  const shown = await show(url, () => {
    focused = document.activeElement;
    history.replaceState({ shown: true }, '');
    history.pushState({ shown: true }, '', url);
  });
  if (!shown) return;
  const next = document.querySelector('[data-filters]');
  announcer.textContent = document.querySelector('[data-total]')?.textContent ?? '';
  if (!next) return;
  next.closest('details').open = isOpen;
  const { name, value, type } = form.contains(focused) ? focused : {};
  const same = (field) => field.name === name && (type !== 'checkbox' || field.value === value);
  [...next.elements].find(same)?.focus({ preventScroll: true });
}

function onClick(event) {
  if (event.target.closest('[data-close]')) return closeMessages();
  const swatch = event.target.closest('[data-swatch]');
  if (!swatch || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  showColor(swatch);
}

/** Shows the product in another colour, and keeps the chosen size and quantity. */
async function showColor(swatch) {
  const { variantId, quantity } = swatch.closest('form').elements;
  const before = variantId && [...(variantId.length ? variantId : [variantId])].find((size) => size.checked);
  const pieces = quantity?.value;
  const href = swatch.getAttribute('href');
  const remember = () => history.replaceState(history.state, '', href);
  if (!(await show(href, remember, ['.gallery', '.picker']))) return;
  const form = document.querySelector('[data-add]');
  for (const size of form.querySelectorAll('.sizes input:enabled')) {
    if (before && size.dataset.size === before.dataset.size) size.checked = true;
  }
  if (pieces && form.elements.quantity) form.elements.quantity.value = pieces;
  const same = [...form.querySelectorAll('[data-swatch]')].find(
    (other) => other.getAttribute('href') === href,
  );
  same?.focus({ preventScroll: true });
  announcer.textContent = same?.textContent ?? '';
}

function onChange({ target }) {
  if (target.matches('[data-update]')) updateTotal(target.form);
  if (target.matches('[data-swap] [name=quantity]') && target.checkValidity()) target.form.requestSubmit();
  if (target.matches('[data-filters] *') && target.checkValidity()) target.form.requestSubmit();
}

let latestUpdate;

/** Updates delivery and total for the form's country and method. If that fails, the button is shown. */
async function updateTotal(form) {
  const sent = new URLSearchParams(new FormData(form));
  sent.set('update', 'delivery');
  const asked = {};
  latestUpdate = asked;
  try {
    const answer = await fetch(form.action, { method: 'POST', body: sent });
    const next = parsePage(await answer.text());
    if (latestUpdate !== asked) return;
    const { value, name } = document.activeElement;
    replaceParts(next, ['[data-delivery]', '.summary']);
    const radios = [...form.querySelectorAll('[data-delivery] [name=shipping]')];
    if (name === 'shipping') radios.find((radio) => radio.value === value)?.focus();
    announcer.textContent = `Total ${document.querySelector('dd.total').textContent}`;
  } catch {
    for (const button of document.querySelectorAll('[data-apply]')) button.hidden = false;
  }
}

/** Shows a result below the form. It disappears after a time, by its button or by Escape. */
function say(form, text, link) {
  const box = form.querySelector('[role=status]');
  const sentence = document.createElement('p');
  sentence.textContent = text;
  const close = Object.assign(document.createElement('button'), { type: 'button', textContent: '×' });
  close.ariaLabel = 'Close';
  close.dataset.close = '';
  const more =
    link && Object.assign(document.createElement('a'), { href: link.href, textContent: link.text });
  box.replaceChildren(...[sentence, more, close].filter(Boolean));
  box.scrollIntoView({ block: 'nearest' });
  clearTimeout(box.timer);
  const closeLater = () => {
    box.timer = setTimeout(
      () => (box.matches(':hover, :focus-within') ? closeLater() : closeMessages()),
      messageMs,
    );
  };
  closeLater();
}

function closeMessages() {
  for (const box of document.querySelectorAll('.added')) {
    const hadFocus = box.contains(document.activeElement);
    box.replaceChildren();
    if (hadFocus) box.closest('form').querySelector('[type=submit]')?.focus();
  }
}
