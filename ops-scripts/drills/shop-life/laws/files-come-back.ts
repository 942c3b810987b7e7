// Law: an exported file can be imported without faults, and exported again it is identical byte for byte.
import { exportCatalog, importCatalog } from '../product-files/ops-catalog.ts';
import { defineLaw } from './law.ts';

export interface RoundTrip {
  first: string;
  second: string;
}

export const filesComeBack = defineLaw<RoundTrip>({
  name: 'files-come-back',
  gather: (life) =>
    life.desk.alone(() =>
      life.till.alone(async () => {
        const first = await exportCatalog(life);
        await importCatalog(life, 'exported.csv', first);
        return { first, second: await exportCatalog(life) };
      }),
    ),
  judge({ first, second }) {
    if (first === second) return [];
    const [a, b] = [first.split('\n'), second.split('\n')];
    const at = a.findIndex((line, index) => line !== b[index]);
    return [`Line ${at + 1} was “${a[at]?.slice(0, 300)}” and came back as “${b[at]?.slice(0, 300) ?? ''}”`];
  },
});
