// Law: each link in each mail opens in a browser without cookies.

import { openNewMails } from '../deeds/mails.ts';
import type { OpenedLink } from '../life.ts';
import { defineLaw } from './law.ts';

export const mailLinksOpen = defineLaw<OpenedLink[]>({
  name: 'mail-links-open',
  async gather(life) {
    await openNewMails(life);
    return life.record.openedLinks;
  },
  judge: (links) =>
    links
      .filter(({ fault }) => fault !== undefined)
      .map(
        ({ link, to, subject, status, fault }) =>
          `${new URL(link).pathname} in “${subject}” to ${to} was answered ${status}: ${fault?.slice(0, 300)}`,
      ),
});
