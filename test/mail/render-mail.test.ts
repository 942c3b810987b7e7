// One layout for all mails: seller, links and address in both parts, and no markup from a mail's values.
import { expect, test } from 'vitest';
import { type Mail, renderHtml, renderText } from '../../origin/mail/mail.ts';

const frame = { siteUrl: 'https://shop.example', sellerLines: ['MyClothes GmbH', 'VAT DE123456789'] };
const mail: Mail = {
  to: 'ada@example.com',
  subject: 'Your order <MC-1>',
  paragraphs: [
    'Thank you & welcome.',
    { imageUrl: 'https://shop.example/tee.jpg', text: '2 × Tee' },
    { sums: [{ label: 'Total', amount: '€39.98', isTotal: true }] },
    { title: 'Ships to', lines: ['Ada <b>', '1 Mill Lane'] },
    { link: 'https://shop.example/orders/1?key=x', text: 'See your order' },
  ],
};

test('A mail says in its text and in its HTML who writes, what it costs, where it goes, and how to withdraw', () => {
  for (const part of [renderText(mail, frame), renderHtml(mail, frame)]) {
    for (const told of ['Tee', '€39.98', '1 Mill Lane', 'MyClothes GmbH', 'VAT DE123456789'])
      expect(part).toContain(told);
    for (const link of ['/orders/1?key=x', '/withdrawal', '/returns', '/imprint'])
      expect(part).toContain(`https://shop.example${link}`);
  }
});

test('A mail’s HTML has colours for dark windows, its own width for narrow ones, and no markup of its words', () => {
  const page = renderHtml(mail, frame);
  for (const part of ['prefers-color-scheme:dark', 'max-width:600px', 'name="viewport"', 'alt=""'])
    expect(page).toContain(part);
  expect(page).toContain('Ada &lt;b&gt;');
  expect(page).not.toMatch(/<b>|<script|<MC/);
});

test('A mail’s text has no line that is too long, and each link stands whole', () => {
  const long = {
    ...mail,
    paragraphs: [
      ...mail.paragraphs,
      'word '.repeat(200),
      { link: `https://shop.example/${'x'.repeat(300)}`, text: 'Long' },
    ],
  };
  const lines = renderText(long, frame).split('\n');
  expect(lines.filter((line) => line.length > 76 && !line.startsWith('https://'))).toEqual([]);
  expect(lines).toContain(`https://shop.example/${'x'.repeat(300)}`);
});
