// Renews the page's figures every five seconds, unless an operator is working on the page.
const everyMs = 5_000;

setInterval(async () => {
  const main = document.querySelector('main');
  if (document.hidden || isBusy(main)) return;
  // The header marks a renewal, so that an open page does not keep a session alive.
  const headers = { Accept: 'text/html', 'Operator-Renewal': '1' };
  const answer = await fetch(location.href, { headers }).catch(() => undefined);
  if (!answer?.ok || isBusy(main)) return;
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
  // The notice was read already. Open tables stay open.
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
