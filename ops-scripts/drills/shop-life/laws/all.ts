// All laws of the drill, in the order in which they are checked after each day.
import { absentColumnsStay, changesStay, filesComeBack } from './files.ts';
import type { Law } from './law.ts';
import {
  foundBySku,
  foundByTitle,
  foundByTypedTitle,
  listsAgree,
  nothingHiddenIsSeen,
  suggestionsFind,
} from './lists.ts';
import { mailLinksOpen, oneConfirmationPerOrder } from './mails.ts';
import { moneyAddsUp, stockAddsUp } from './money-and-stock.ts';
import { invoicesWithoutGaps, promotionsHold, vatAddsUp } from './selling.ts';
import {
  deedsEndAsPromised,
  noDeadLetters,
  noErrorLines,
  noServerErrors,
  nothingFailsForEver,
} from './work-and-answers.ts';

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
