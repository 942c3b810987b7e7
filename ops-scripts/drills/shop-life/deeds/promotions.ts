// Promotion codes: staff make them with few uses, and many guests use one at the same moment.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { makeMailbox, pickAddress } from '../browser/addresses.ts';
import { expectAnswer, expectThat } from '../browser/page.ts';
import type { MadePromotion, ShopLife } from '../life.ts';
import { addByApi, checkOutByApi, payments } from './buy.ts';
import { signInStaff } from './staff.ts';

/** Makes a code with few uses, so that shoppers compete for the last one. Some codes end within the day. */
export async function makePromotion(life: ShopLife, random: SeededRandom): Promise<void> {
  const kind = random.pick(['percent', 'amount', 'free-shipping'] as const);
  const value = { percent: random.integer(1, 50), amount: random.integer(1, 4_000), 'free-shipping': 0 }[
    kind
  ];
  const uses = random.integer(1, 4);
  const usesPerCustomer = random.next() < 0.5 ? 1 : undefined;
  const endsAtMs = random.next() < 0.3 ? Date.now() + 5_000 : undefined;
  const made = await writePromotion(life, { kind, value, uses, usesPerCustomer, endsAtMs });
  life.record.promotions.push(made);
  life.record.count(`makes a promotion: ${kind}${endsAtMs === undefined ? '' : ', for some seconds'}`);
}

let codes = 0;

async function writePromotion(
  life: ShopLife,
  { kind, value, uses, usesPerCustomer, endsAtMs }: PromotionPlan,
): Promise<MadePromotion> {
  const staff = await signInStaff(life);
  codes += 1;
  const code = `LIFE-${life.day}-${codes}`;
  const body = {
    code,
    kind,
    uses,
    usesPerCustomer,
    ...(kind === 'free-shipping' ? {} : { value }),
    ...(endsAtMs === undefined ? {} : { endsAt: new Date(endsAtMs).toISOString() }),
  };
  expectAnswer('A promotion', await staff.ask('POST', '/api/staff/promotions', body), 201);
  const again = await staff.ask<{ code: string }>('POST', '/api/staff/promotions', body);
  expectThat(again.status === 409, `The code ${code} was made twice (${again.status})`);
  return { code, kind, value, ...(endsAtMs === undefined ? {} : { endsAtMs }) };
}

interface PromotionPlan extends Omit<MadePromotion, 'code' | 'endsAtMs'> {
  uses: number;
  usesPerCustomer: number | undefined;
  endsAtMs: number | undefined;
}

/** More guests than uses buy at the same moment. Those who are too late buy without the code. */
export async function rushForCode(life: ShopLife, random: SeededRandom): Promise<void> {
  const uses = random.integer(1, 3);
  const plan = { kind: 'amount', value: 150, uses, usesPerCustomer: undefined, endsAtMs: undefined } as const;
  const code = await writePromotion(life, plan);
  const { bought, withCode } = await buyAtOnceWithCode(life, random, { guests: uses + 3, code });
  expectThat(
    withCode === Math.min(uses, bought),
    `${code.code} is for ${uses} uses: ${withCode} of ${bought} orders have it`,
  );
  life.record.count('buys at once with others who have the same code');
}

/** Several guests buy at the same moment. @returns how many of them have an order with the code */
async function buyAtOnceWithCode(
  life: ShopLife,
  random: SeededRandom,
  { guests, code }: { guests: number; code: MadePromotion },
): Promise<{ bought: number; withCode: number }> {
  const ids = await Promise.all(
    Array.from({ length: guests }, async (_, at) => {
      const own = random.fork(`guest ${at}`);
      const browser = life.browser();
      const buyer = {
        browser,
        email: makeMailbox(life, own).email,
        account: undefined,
        address: pickAddress(own),
      };
      if (!(await addByApi(life, own, buyer))) return undefined;
      return (await checkOutByApi(life, own, payments[0]!, buyer, code))?.id;
    }),
  );
  const bought = ids.filter((id) => id !== undefined);
  const seen = await Promise.all(
    bought.map(async (id) => {
      const order = life.record.orders.find((one) => one.id === id)!;
      return (await order.browser!.ask<{ discount?: { code: string } }>('GET', `/api/orders/${id}`)).body;
    }),
  );
  return {
    bought: bought.length,
    withCode: seen.filter(({ discount }) => discount?.code === code.code).length,
  };
}
