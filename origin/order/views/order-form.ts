// Turns the checkout form into the request to place an order, checked by the API's schema.
import type { FormValues } from '../../web/page/form.ts';
import { readPayment } from './payment.ts';

export function readOrderRequest(values: FormValues): unknown {
  const {
    name = '',
    line1 = '',
    line2 = '',
    city = '',
    postalCode = '',
    country = '',
    shipping = '',
    code = '',
  } = values;
  return {
    email: (values['email'] ?? '').trim(),
    shippingAddress: { name, line1, line2, city, postalCode, country },
    ...(shipping === '' ? {} : { shippingMethod: shipping }),
    ...(code.trim() === '' ? {} : { promotionCode: code.trim() }),
    payment: readPayment(values),
  };
}
