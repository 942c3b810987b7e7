// The addresses that a prefix list stands for; one that can't be read is a Doubt, never an empty set.
import { type Answers, listAnswers } from '../answers.ts';
import { Doubt, known } from '../doubt.ts';
import { type Cidr, readCidr } from '../network/cidr.ts';

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
      if (listed.doubts.length > 0) throw new Doubt(`prefix list ${id} cannot be read: ${listed.doubts[0]}`);
      const cidrs = listed.items.map((entry) => readCidr(known(entry.Cidr, `an entry of prefix list ${id}`)));
      read.set(id, cidrs);
      return cidrs;
    },
  };
}
