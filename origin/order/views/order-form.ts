// Turns the checkout form into the request to place an order, checked by the API's schema.
import type { FormValues } from '../../web/page/form.ts';
import { addressLengths, companyLengths } from '../shipping-address.ts';
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
    company = '',
    vatNumber = '',
  } = values;
  const shippingAddress = { name, line1, line2, city, postalCode, country };
  const isForCompany = company.trim() !== '' || vatNumber.trim() !== '';
  return {
    email: (values['email'] ?? '').trim(),
    shippingAddress,
    ...(isForCompany ? { billingAddress: { ...shippingAddress, company, vatNumber } } : {}),
    ...(shipping === '' ? {} : { shippingMethod: shipping }),
    ...(code.trim() === '' ? {} : { promotionCode: code.trim() }),
    payment: readPayment(values),
  };
}

/** As an address book keeps it, also for the page of that. */
export function readKeptAddress(values: FormValues): Record<string, string> {
  const names = [...Object.keys(addressLengths), 'country', ...Object.keys(companyLengths)];
  return Object.fromEntries(names.map((name) => [name, values[name] ?? '']));
}
