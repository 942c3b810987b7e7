// Restart deeds: origins and workers are stopped or killed, and started again.
import type { SeededRandom } from '../../seeded-random.ts';
import type { Life } from '../life.ts';
import type { PartName } from '../shop/living-shop.ts';

export async function restartPart(life: Life, random: SeededRandom, part: PartName): Promise<void> {
  const signal = random.pick(['SIGTERM', 'SIGKILL'] as const);
  await life.outages.during(part, () => life.shop.restart(part, signal));
  life.record.count(`${part} is ${signal === 'SIGKILL' ? 'killed' : 'told to stop'} and started again`);
}
