// A tenth of the backlog that `npm run test:long` tries.
import { describeQueriesThatGrow } from './queries-that-grow.ts';

describeQueriesThatGrow(100_000);
