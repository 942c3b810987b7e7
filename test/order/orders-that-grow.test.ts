// A fiftieth of the orders that `npm run test:long` tries.
import { describeOrdersThatGrow } from './orders-that-grow.ts';

describeOrdersThatGrow(20_000);
