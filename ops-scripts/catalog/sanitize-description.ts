// Sanitizes HTML of a product file: keeps only the elements of a description, and keeps blocks apart.
import sanitizeHtml from 'sanitize-html';

const letIn = [
  ...['p', 'br', 'hr', 'div', 'pre', 'blockquote', 'h3', 'h4'],
  ...['ul', 'ol', 'li', 'dl', 'dt', 'dd'],
  ...['b', 'strong', 'i', 'em', 'u', 's', 'sub', 'sup', 'code', 'a'],
  ...['table', 'caption', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td'],
];

/** Blocks that a description does not need, or that hold text as a form would. */
const blocks = [
  ...['section', 'article', 'aside', 'header', 'footer', 'main', 'nav', 'hgroup', 'search', 'address'],
  ...[
    'figure',
    'figcaption',
    'details',
    'summary',
    'dialog',
    'center',
    'noscript',
    'template',
    'menu',
    'dir',
  ],
  ...['form', 'fieldset', 'legend', 'label', 'textarea', 'select', 'optgroup', 'option', 'button', 'output'],
];

/** Tags that are removed while the text within them is kept. */
const unwrapped = new Set([
  'html',
  'body',
  'span',
  'font',
  'small',
  'big',
  'tt',
  'mark',
  'abbr',
  'cite',
  'q',
  'time',
]);
const alsoUnwrapped = new Set([
  'ins',
  'del',
  'strike',
  'kbd',
  'samp',
  'var',
  'dfn',
  'bdi',
  'bdo',
  'wbr',
  'nobr',
  'o:p',
]);

export interface Description {
  html: string;
  /** Names of tags whose content is left out, without repeats. */
  leftOut: string[];
}

/** Sanitizes HTML from outside, such as a product file's body. Sanitizing the result again does not change it. */
export function sanitizeDescription(html: string): Description {
  const leftOut = new Set<string>();
  const clean = sanitizeHtml(html, {
    allowedTags: letIn,
    allowedAttributes: { a: ['href'], td: ['colspan', 'rowspan'], th: ['colspan', 'rowspan'] },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowProtocolRelative: false,
    nonTextTags: ['script', 'style'],
    transformTags: {
      h1: 'h3',
      h2: 'h3',
      h5: 'h4',
      h6: 'h4',
      ...Object.fromEntries(blocks.map((name) => [name, 'div'])),
      '*': (name, attribs) => {
        if (!letIn.includes(name) && !blocks.includes(name) && !isUnwrapped(name)) leftOut.add(name);
        return { tagName: name, attribs };
      },
    },
  });
  return {
    html: partBlocks(clean.replaceAll('<br />', '<br>').replaceAll('<hr />', '<hr>')).trim(),
    leftOut: [...leftOut].sort(),
  };
}

function isUnwrapped(name: string): boolean {
  return unwrapped.has(name) || alsoUnwrapped.has(name) || /^h[1256]$/.test(name);
}

const block = 'div|p|h3|h4|ul|ol|dl|dt|dd|li|pre|blockquote|table|caption|hr';

/** Adds a line end where text meets a block, and between blocks that would run together without their tags. */
function partBlocks(html: string): string {
  return html
    .replace(new RegExp(`([^\\s>])(<(?:${block})\\b)`, 'g'), '$1\n$2')
    .replace(new RegExp(`(</(?:${block})>|<hr>)(?=[^\\s<])`, 'g'), '$1\n')
    .replace(/(<\/(?:div|h3|h4|dt|dd|th|td|tr|pre|caption)>)(?=<)(?!<\/)/g, '$1\n');
}
