// All laws of the drill, in the order in which they are checked after each day.
import { absentColumnsStay } from './absent-columns-stay.ts';
import { changesStay } from './changes-stay.ts';
import { deedsEndAsPromised } from './deeds-end-as-promised.ts';
import { filesComeBack } from './files-come-back.ts';
import { foundBySku, foundByTitle, foundByTypedTitle } from './found-by-search.ts';
import type { Law } from './law.ts';
import { listsAgree } from './lists-agree.ts';
import { mailLinksOpen } from './mail-links-open.ts';
import { moneyAddsUp } from './money-adds-up.ts';
import { noDeadLetters } from './no-dead-letters.ts';
import { noErrorLines } from './no-error-lines.ts';
import { noServerErrors } from './no-server-errors.ts';
import { nothingFailsForEver } from './nothing-fails-for-ever.ts';
import { nothingHiddenIsSeen } from './nothing-hidden-is-seen.ts';
import { oneConfirmationPerOrder } from './one-confirmation-per-order.ts';
import { stockAddsUp } from './stock-adds-up.ts';
import { suggestionsFind } from './suggestions-find.ts';

export const laws = [
  moneyAddsUp,
  stockAddsUp,
  absentColumnsStay,
  changesStay,
  filesComeBack,
  foundByTitle,
  foundByTypedTitle,
  foundBySku,
  suggestionsFind,
  listsAgree,
  nothingHiddenIsSeen,
  mailLinksOpen,
  oneConfirmationPerOrder,
  nothingFailsForEver,
  noDeadLetters,
  deedsEndAsPromised,
  noServerErrors,
  noErrorLines,
] as Law[];
