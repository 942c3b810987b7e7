// An order as its buyer keeps it: what, how much, where to, how it is paid. It prints on one sheet.
import { linePicture, pieces } from '../cart/page-cart.ts';
import type { VariantInfo } from '../catalog/read-variants.ts';
import { formatDay } from '../web/day.ts';
import { field, idempotencyField, notice } from '../web/form.ts';
import { type Html, html } from '../web/html.ts';
import { formatMoney } from '../web/money.ts';
import type { ShownOrder } from './order.ts';
import { demoSentence } from './page-payment.ts';
