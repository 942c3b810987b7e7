// The CIDRs of a prefix list. Throws an UnknownError for one that can't be read, as an empty set would pass.
import { type Answers, listAnswers } from '../answers.ts';
import { type Cidr, readCidr } from '../network/cidr.ts';
import { known, UnknownError } from '../unknown.ts';

export interface PrefixLists {
  /** CIDRs of the list. */
  entriesOf(id: string): readonly Cidr[];
}

export function openPrefixLists(answers: Answers): PrefixLists {
  const read = new Map<string, Cidr[]>();
  return {
    entriesOf(id) {
      const before = read.get(id);
      if (before !== undefined) return before;
      const listed = listAnswers(answers, 'ec2', 'GetManagedPrefixListEntries', 'Entries', id);
      if (listed.unknownReasons.length > 0)
        throw new UnknownError(`prefix list ${id} cannot be read: ${listed.unknownReasons[0]}`);
      const cidrs = listed.items.map((entry) => readCidr(known(entry.Cidr, `an entry of prefix list ${id}`)));
      read.set(id, cidrs);
      return cidrs;
    },
  };
}
