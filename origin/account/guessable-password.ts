// Refuses passwords that are guessed first: the commonest ones, the person's own e-mail or name, and the shop's name.
import { Refusal } from '../errors.ts';

/**
 * The commonest passwords of leaks, in small letters: 17,950 of eight characters or more, from the 49,233 of
 * `@zxcvbn-ts/language-common` 4.1. Read when the first password is chosen: most processes never need them.
 */
let commonest: Promise<Set<string>> | undefined;

export async function readCommonestPasswords(): Promise<Set<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].map(String).filter((word) => word.length >= 8));
}

/** Whose password it is to be. */
export interface PasswordOwner {
  email: string;
  name: string;
}

/**
 * Compares whole passwords, in small letters. For the person's and the shop's words, blanks and punctuation do not
 * count.
 * @param field of the body, for the fault's pointer
 * @throws Refusal 422 `invalid-body`
 */
export async function refuseGuessablePassword(
  password: string,
  owner: PasswordOwner,
  field: 'password' | 'newPassword',
): Promise<void> {
  commonest ??= readCommonestPasswords();
  const message = findReason(password, owner, await commonest);
  if (message === undefined) return;
  throw new Refusal(422, 'invalid-body', `${field}: ${message}`, {
    details: { faults: [{ pointer: `#/${field}`, field, message }] },
  });
}

function findReason(password: string, { email, name }: PasswordOwner, common: Set<string>) {
  if (common.has(password.toLowerCase()))
    return 'is one of the passwords that are guessed first; choose another one';
  const letters = squeeze(password);
  const own = [email, email.slice(0, Math.max(0, email.lastIndexOf('@'))), name].map(squeeze);
  if (letters !== '' && own.includes(letters)) return 'must not be your own e-mail address or name';
  if (/^myclothes(com)?\d*$/.test(letters)) return 'must not be the name of this shop';
  return undefined;
}

function squeeze(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}
