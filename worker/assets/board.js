// Adds the labels of controls and headings that the board's own script lacks, for screen readers.
const namesByIcon = {
  copy: 'Copy',
  'ellipsis-vertical': 'More states',
  maximize: 'Full screen',
  minimize: 'Leave full screen',
  settings: 'Settings',
};

new MutationObserver(name).observe(document, { childList: true, subtree: true });
name();

function name() {
  for (const button of document.querySelectorAll('button:not([aria-label])')) {
    if (button.textContent.trim() === '' || button.querySelector('svg style'))
      button.ariaLabel = nameOf(button);
  }
  for (const picture of document.querySelectorAll('svg[role=img]')) {
    picture.removeAttribute('role');
    picture.ariaHidden = 'true';
  }
  for (const logo of document.querySelectorAll('header a img:not([alt=""])')) logo.alt = '';
  for (const heading of document.querySelectorAll('h5:not([aria-level])')) heading.ariaLevel = '2';
  const title = document.querySelector('header a > span');
  const hasHeading = document.querySelector('h1') !== null;
  if (title === null || (title.role === 'heading') === !hasHeading) return;
  title.role = hasHeading ? null : 'heading';
  title.ariaLevel = hasHeading ? null : '1';
}

function nameOf(button) {
  const icon = /lucide-([a-z-]+)/.exec(button.querySelector('svg')?.getAttribute('class') ?? '')?.[1];
  if (icon === undefined) return 'Redis';
  return namesByIcon[icon] ?? icon.replaceAll('-', ' ');
}
