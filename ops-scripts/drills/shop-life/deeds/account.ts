// Account deeds: sign-up, sign-in, a second device, a new name, password change and password reset by mail.
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { makeMailbox, pickName } from '../browser/addresses.ts';
import type { Browser } from '../browser/browser.ts';
import { expectAnswer, expectStatus, expectThat } from '../browser/page.ts';
import { Lock, type ShopLife, type ShopperAccount } from '../life.ts';
import { readMail } from '../shop/mail-server.ts';

const mailMs = 45_000;
const lookMs = 100;

/** Signs up. Four of five mailboxes work. */
export async function signUp(life: ShopLife, random: SeededRandom): Promise<ShopperAccount> {
  const { email, fate } = makeMailbox(life, random);
  const name = pickName(random);
  const password = `a sentence of ${random.integer(100_000, 999_999)} wörds`;
  const browser = life.browser();
  const account = { email, name, password, devices: [browser], fate, lock: new Lock() };
  const fromMs = Date.now();
  // If a part was killed before its answer arrived, the account exists and the password opens it.
  const isThereAlready = (status: number) => status === 409 && life.outages.overlap(fromMs, Date.now());
  if (random.next() < 0.5) {
    const page = expectStatus(await browser.open('/sign-up'), 200);
    const after = await browser.submit(page.form({ action: '/sign-up' }), { name, email, password });
    if (isThereAlready(after.status)) await signIn(browser, account, true);
    else {
      expectStatus(after, 200);
      const told = after.text.slice(0, 200);
      expectThat(after.path.startsWith('/account'), `Signing up led to ${after.path}: ${told}`);
    }
    life.record.count('signs up by form');
  } else {
    const answer = await browser.ask('POST', '/api/accounts', { email, password, name });
    if (isThereAlready(answer.status)) await signIn(browser, account, false);
    else expectAnswer('Signing up', answer, 201);
    life.record.count('signs up by API');
  }
  life.record.accounts.push(account);
  return account;
}

/** Signs in on a new device, which must show the bag of the account. */
export async function signInOnNewDevice(
  life: ShopLife,
  random: SeededRandom,
  account: ShopperAccount,
): Promise<void> {
  const device = life.browser();
  await signIn(device, account, random.next() < 0.5);
  const own = account.devices.at(-1)!;
  const [here, there] = [await countPieces(device), await countPieces(own)];
  expectThat(here === there, `A new device shows ${here} pieces in the bag, the one before ${there}`);
  account.devices.push(device);
  life.record.count('signs in on another device');
}

async function signIn(browser: Browser, { email, password }: ShopperAccount, byForm: boolean): Promise<void> {
  if (!byForm) {
    expectAnswer('Signing in', await browser.ask('POST', '/api/sessions', { email, password }), 201);
    return;
  }
  const page = expectStatus(await browser.open('/sign-in'), 200);
  const after = await browser.submit(page.form({ action: '/sign-in' }), { email, password });
  expectStatus(after, 200);
  expectThat(!after.path.startsWith('/sign-in'), `Signing in was refused: ${after.text.slice(0, 200)}`);
}

async function countPieces(browser: Browser): Promise<number> {
  const cart = await browser.ask<{ count: number }>('GET', '/api/cart');
  return expectAnswer('The cart', cart, 200).count;
}

export async function rename(life: ShopLife, random: SeededRandom, account: ShopperAccount): Promise<void> {
  const browser = account.devices.at(-1)!;
  const name = pickName(random);
  if (random.next() < 0.5) {
    const page = expectStatus(await browser.open('/account'), 200);
    expectStatus(
      await browser.submit(page.form({ action: '/account', has: '[name="name"]' }), { name }),
      200,
    );
    life.record.count('changes the name by form');
  } else {
    expectAnswer('Another name', await browser.ask('PATCH', '/api/account', { name }), 200);
    life.record.count('changes the name by API');
  }
  account.name = name;
  for (const device of account.devices) await expectName(device, account);
}

/** Every other device must show what was written on one device. */
async function expectName(device: Browser, { name, email }: ShopperAccount): Promise<void> {
  const answer = await device.ask<{ name: string }>('GET', '/api/account');
  const seen = expectAnswer('The own account', answer, 200).name;
  expectThat(seen === name, `${email} is called ${seen} on a device, not ${name}`);
}

export async function changePassword(
  life: ShopLife,
  random: SeededRandom,
  account: ShopperAccount,
): Promise<void> {
  const browser = account.devices.at(-1)!;
  const newPassword = `another sentence ${random.integer(100_000, 999_999)}`;
  const page = expectStatus(await browser.open('/account'), 200);
  const form = page.form({ action: '/account', has: '[name="currentPassword"]' });
  expectStatus(await browser.submit(form, { currentPassword: account.password, newPassword }), 200);
  await expectOldPasswordRefused(life, account);
  account.password = newPassword;
  // The password change signs out all other devices.
  account.devices = [browser];
  await expectName(browser, account);
  life.record.count('changes the password');
}

async function expectOldPasswordRefused(life: ShopLife, { email, password }: ShopperAccount): Promise<void> {
  const answer = await life.browser().ask('POST', '/api/sessions', { email, password });
  expectAnswer('Signing in with the old password', answer, 401);
}

/** Opens the link in another browser, as on a phone. It ends early if the mailbox accepts no mail. */
export async function resetPassword(
  life: ShopLife,
  random: SeededRandom,
  account: ShopperAccount,
): Promise<void> {
  const { email, fate } = account;
  const before = life.mailServer.copies.length;
  const asking = life.browser();
  const page = expectStatus(await asking.open('/forgot-password'), 200);
  expectStatus(await asking.submit(page.form({ action: '/forgot-password' }), { email }), 200);
  if (fate !== 'accepts' && fate !== 'delays')
    return life.record.count(`asks for a new password, whose mail server ${fate}`);
  const fromMs = Date.now();
  const link = await awaitLink(life, email, before);
  if (link === undefined) {
    // The worker may have been killed while it handed the mail over. For 10 minutes nobody may hand over another copy.
    const wasKilled = life.outages.overlap(fromMs, Date.now(), ['worker', 'postgres', 'redis']);
    expectThat(wasKilled, `No mail with a link came to ${email} within ${mailMs / 1_000} s`);
    return life.record.count('waits for a mail whose worker was killed');
  }
  const password = `a new sentence ${random.integer(100_000, 999_999)}`;
  const phone = life.browser();
  const form = expectStatus(await phone.open(link), 200).form({ action: '/reset-password' });
  // Without the script the shopper pastes the code of the mail, because browsers do not send what follows the `#`.
  const token = new URL(link).hash.slice('#token='.length);
  expectStatus(await phone.submit(form, { token, password }), 200);
  await expectOldPasswordRefused(life, account);
  account.password = password;
  // The reset signs out every device.
  account.devices = [];
  await signIn(phone, account, true);
  account.devices.push(phone);
  life.record.count('resets the password by the link in the mail');
}

async function awaitLink(life: ShopLife, email: string, after: number): Promise<string | undefined> {
  for (const until = performance.now() + mailMs; performance.now() < until; await delay(lookMs)) {
    const copy = life.mailServer.copies
      .slice(after)
      .find(({ to, confirmed }) => confirmed && to.toLowerCase() === email.toLowerCase());
    const link = copy && readMail(copy.message).links.find((found) => found.includes('/reset-password'));
    if (link !== undefined) return link;
  }
  return undefined;
}

export async function signOut(life: ShopLife, account: ShopperAccount): Promise<void> {
  if (account.devices.length < 2) return;
  const browser = account.devices.pop()!;
  const page = expectStatus(await browser.open('/account'), 200);
  const form = page.form({ action: '/account', has: '[value="sign-out"]' });
  expectStatus(await browser.submit(form, {}), 200);
  expectAnswer('An account that was signed out', await browser.ask('GET', '/api/account'), 401);
  life.record.count('signs out');
}

/** The list shows every order of the account, and each opens. */
export async function lookAtOrders(
  life: ShopLife,
  random: SeededRandom,
  account: ShopperAccount,
): Promise<void> {
  const browser = account.devices.at(-1)!;
  const own = life.record.orders.filter((order) => order.account === account);
  const answer = await browser.ask<{ items: { id: string }[] }>('GET', '/api/orders');
  const listed = new Set(expectAnswer('The own orders', answer, 200).items.map(({ id }) => id));
  const missing = own.find(({ id }) => !listed.has(id));
  expectThat(
    missing === undefined,
    `Order ${missing?.number} is not among the own orders of ${account.email}`,
  );
  life.record.count('looks at the own orders');
  if (own.length === 0) return;
  const order = random.pick(own);
  const page = expectStatus(await browser.open(`/orders/${order.id}`), 200);
  expectThat(page.text.includes(order.number), `The page of order ${order.number} does not name it`);
}
