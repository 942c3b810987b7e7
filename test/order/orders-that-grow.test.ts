// Runs the test with a fiftieth of the orders that `npm run test:long` uses.
import { describeOrdersThatGrow } from './orders-that-grow.ts';

describeOrdersThatGrow(20_000);
