// Runs the test with as many orders as a large shop has after years.
import { describeOrdersThatGrow } from './orders-that-grow.ts';

describeOrdersThatGrow(1_000_000);
