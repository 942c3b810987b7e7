// The checkout's form as the order that it asks for; the same schema as the API's judges it.
import type { FormValues } from '../../web/page/form.ts';
import { readPayment } from './payment.ts';

export function readOrderRequest(values: FormValues): unknown {
  const { name = '', line1 = '', line2 = '', city = '', postalCode = '', country = '' } = values;
  return {
    email: (values['email'] ?? '').trim(),
    shippingAddress: { name, line1, line2, city, postalCode, country },
    payment: readPayment(values),
  };
}
