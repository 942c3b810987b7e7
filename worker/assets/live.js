// Renews what the page shows every five seconds, unless somebody is at work on it.
const everyMs = 5_000;

setInterval(async () => {
  const main = document.querySelector('main');
  if (document.hidden || isBusy(main)) return;
  // Said, so that a page that stands open does not keep a session from ending.
  const headers = { Accept: 'text/html', 'Operator-Renewal': '1' };
  const answer = await fetch(location.href, { headers }).catch(() => undefined);
  if (!answer?.ok || isBusy(main)) return;
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
  // What was done just now has been read; an open table stays open.
  for (const told of next.querySelectorAll('.notice')) told.remove();
  const open = [...main.querySelectorAll('details')].map((one) => one.open);
  for (const [at, one] of next.querySelectorAll('details').entries()) one.open = open[at] ?? false;
  main.replaceChildren(...next.childNodes);
}, everyMs);

function isBusy(main) {
  const isFocused = main.contains(document.activeElement);
  const isSelected = !document.getSelection().isCollapsed;
  return isFocused || isSelected || main.querySelector('input:checked') !== null;
}
