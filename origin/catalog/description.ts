// A description is stored as sanitised HTML; the API and staff speak of it as plain text, which comes back as it was given.

/** Blank lines part paragraphs, other line ends stay. */
export function textToHtml(text: string): string {
  if (text === '') return '';
  const paragraphs = escapeHtml(text).split('\n\n');
  return paragraphs.map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br>')}</p>`).join('');
}

export function htmlToText(html: string): string {
  const text = html
    .replace(/\s*<\/p>\s*<p>/g, '\n\n')
    .replace(/<br\s*\/?>/g, '\n')
    .replace(/<\/(li|h3|h4|tr|ul|ol|p|blockquote)>/g, '\n')
    .replace(/<[^>]*>/g, '');
  return unescapeHtml(html.startsWith('<p>') ? text.replace(/\n$/, '') : text.trim());
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&amp;', '&');
}
