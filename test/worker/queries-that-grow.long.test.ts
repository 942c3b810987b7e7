// The backlog of a mail server that is away for days.
import { describeQueriesThatGrow } from './queries-that-grow.ts';

describeQueriesThatGrow(1_000_000);
