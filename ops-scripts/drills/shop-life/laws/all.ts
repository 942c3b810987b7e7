// All laws of the drill, in the order in which they are checked after each day.

import { deedsEndAsPromised, noErrorLines, noServerErrors } from './answers.ts';
import { absentColumnsStay, changesStay, filesComeBack } from './files.ts';
import type { Law } from './law.ts';
import { listsAgree, nothingHiddenIsSeen } from './lists.ts';
import { mailLinksOpen, oneConfirmationPerOrder } from './mails.ts';
import { moneyAddsUp, stockAddsUp } from './money-and-stock.ts';
import { noDeadLetters, nothingFailsForEver } from './outbox.ts';
import { foundBySku, foundByTitle, foundByTypedTitle, suggestionsFind } from './search.ts';
import { invoicesWithoutGaps, promotionsHold, vatAddsUp } from './selling.ts';

export const laws = [
  moneyAddsUp,
  stockAddsUp,
  promotionsHold,
  vatAddsUp,
  invoicesWithoutGaps,
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
