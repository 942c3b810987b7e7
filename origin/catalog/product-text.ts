// Converts product names to URL slugs, and descriptions between plain text and the sanitised HTML that is stored.

/** Letters that Unicode does not decompose into a plain letter and a mark. */
const plain: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ŋ: 'n',
  ŧ: 't',
};

/**
 * Makes a URL slug of a name: lower case, letters and digits of any script, joined by hyphens. At most 200
 * characters, cut between letters. Empty where the name has no letter or digit.
 */
export function slugify(text: string): string {
  const slug = text
    .toLowerCase()
    .normalize('NFKD')
    // Accents are removed from Latin letters only. In other scripts a mark makes another letter.
    .replace(/(?<=\p{Script=Latin}\p{M}*)\p{M}/gu, '')
    .normalize('NFC')
    .replace(/[ßæœøłđðþħıŋŧ]/g, (letter) => plain[letter]!)
    .replace(/['’]/g, '')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '-')
    .replace(/^[-\p{M}]+|-+$/gu, '');
  return [...slug].slice(0, 200).join('').replace(/-+$/, '');
}

/**
 * Converts the plain text of API and staff to stored HTML. `htmlToText` gives the same text back. Blank lines
 * separate paragraphs; other line breaks stay.
 */
export function textToHtml(text: string): string {
  if (text === '') return '';
  const paragraphs = escapeHtml(text).split('\n\n');
  return paragraphs.map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br>')}</p>`).join('');
}

/** HTML that `textToHtml` made. */
const ownHtml = /^(?:<p>(?:[^<]|<br>)*<\/p>)+$/;

export function htmlToText(html: string): string {
  if (ownHtml.test(html)) {
    return unescapeHtml(
      html.slice('<p>'.length, -'</p>'.length).replaceAll('</p><p>', '\n\n').replaceAll('<br>', '\n'),
    );
  }
  return unescapeHtml(htmlOfOthersToText(html));
}

const blocks = 'p|div|h3|h4|ul|ol|dl|dt|dd|li|pre|blockquote|table|caption|thead|tbody|tfoot|tr|hr';
const blockTags = new RegExp(`(?:\\s*</?(?:${blocks})(?:\\s[^>]*)?/?>\\s*)+`, 'g');

/** Puts blocks on their own lines, separates paragraphs, and puts table cells side by side. */
function htmlOfOthersToText(html: string): string {
  const [, ...parts] = `</pre>${html}`.split(/<(?=\/?pre>)/);
  const text = parts
    .map((part) =>
      part.startsWith('pre>')
        ? // Line breaks count only within `pre`. They are marked, so that the next steps keep them.
          `<pre>${part.slice('pre>'.length).replace(/^\n/, '').replaceAll('\n', '\u0001')}`
        : `<${part.replace(/\s+/g, ' ')}`,
    )
    .join('');
  return text
    .replace(/\s*<br\s*\/?>\s*/g, '\n')
    .replace(/\s*<\/(?:td|th)>\s*(?=<t[dh])/g, ' ')
    .replace(blockTags, (tags) => (/<\/p>\s*<p>$/.test(tags.trim()) ? '\n\n' : '\n'))
    .replace(/<[^>]*>/g, '')
    .replaceAll('\u0001', '\n')
    .trim();
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&amp;', '&');
}
