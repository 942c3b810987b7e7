// The invariants of an order: money, pieces and states, as the state machine sees them.
import { expect } from 'vitest';
import { fulfilmentOf, type Life, paidOf, refundedOf } from '../../origin/order/life/order-life.ts';

/** Pieces that went back into stock, counted outside the state machine. */
export type Restocked = Map<string, number>;

/** Checks the invariants at any moment of an order's life. */
export function expectLawful(life: Life, back: Restocked): void {
  expect(refundedOf(life)).toBeLessThanOrEqual(paidOf(life));
  expect(paidOf(life)).toBeLessThanOrEqual(life.total);
  for (const line of life.lines) {
    expect(line.shipped + line.withdrawn).toBeLessThanOrEqual(line.quantity);
    expect(line.returned).toBeGreaterThanOrEqual(0);
    expect(line.returned).toBeLessThanOrEqual(line.shipped);
    expect(line.restocked).toBe(back.get(line.variantId) ?? 0);
    // No shipped piece is in stock unless it came back.
    expect(line.restocked).toBeLessThanOrEqual(line.withdrawn + line.returned);
    const inParcels = life.shipments
      .flatMap(({ lines }) => lines)
      .filter(({ variantId }) => variantId === line.variantId)
      .reduce((sum, part) => sum + part.quantity, 0);
    expect(inParcels).toBe(line.shipped);
  }
  if (life.status === 'cancelled') {
    expect(life.shipments).toEqual([]);
    // Stock is held exactly as long as money may still move.
    expect(life.holdsStock).toBe(['pending', 'authorised', 'unknown'].includes(life.payment));
    // Money that a bank has taken back is not refunded as well.
    expect(refundedOf(life)).toBe(Math.max(paidOf(life) - life.disputed, refundedOf(life)));
    for (const line of life.lines)
      expect(line.restocked).toBe(life.holdsStock ? line.restocked : line.quantity);
  } else {
    expect(life.holdsStock).toBe(false);
    expect(life.payment).not.toBe('failed');
    expect(life.status === 'paid').toBe(life.payment === 'paid');
  }
  if (life.shipments.length > 0 && !life.isAtDoor) expect(life.payment).toBe('paid');
  expect(fulfilmentOf(life) === 'open').toBe(life.shipments.length === 0);
  for (const { status, refundId } of life.returns) {
    const refund = life.refunds.find((one) => one.id === refundId);
    if (status === 'received') expect(refund?.status).not.toBe('done');
    if (status === 'refunded' && refund !== undefined) expect(refund.status).toBe('done');
    if (status === 'requested' || status === 'refused') expect(refundId).toBe(null);
  }
}
