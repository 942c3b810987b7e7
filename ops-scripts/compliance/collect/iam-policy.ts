// The least IAM policy for collection: every call of the table, all read-only.
import { callRounds } from './call-table.ts';

/** GetCallerIdentity is asked as well; it needs no permission. */
export function iamPolicy() {
  const actions = callRounds.flat().map((call) => call.action);
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'ReadWhatComplianceJudges',
        Effect: 'Allow',
        Action: [...new Set(actions)].sort(),
        // These actions know no resources of their own, or are asked about all of them.
        Resource: '*',
      },
    ],
  };
}
