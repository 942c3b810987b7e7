// `ops access`: lists which operators and staff use a second factor, and helps those who lost one.
import { Command } from 'commander';
import { listMembers } from '../../origin/account/members.ts';
import { admitOperator, listOperators, removeOperator } from '../../origin/account/operator-factors.ts';
import { resetMemberFactors } from '../../origin/account/second-factor.ts';
import { openDatabase } from '../connect-stores.ts';

/** The name in the logs of operators and staff. */
const by = 'the command line';
/** The longest name of the sign-in form. */
const mostNameLength = 60;

export function accessCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('access')
    .addCommand(listCommand(env))
    .addCommand(admitCommand(env))
    .addCommand(removeCommand(env))
    .addCommand(resetMemberCommand(env));
}

function listCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('list')
    .description('List operators and staff, and who has a second factor')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const [operators, staff] = await Promise.all([listOperators(database.db), listMembers(database.db)]);
      if (json) return console.log(JSON.stringify({ operators, staff }));
      if (operators.length === 0) console.log('No operator has a second factor: the password lets them in');
      for (const { name, hasApp, passkeys, recoveryCodesLeft } of operators)
        console.log(
          `operator ${name}: ${hasApp ? 'app' : 'no app'}, ${passkeys} passkeys, ${recoveryCodesLeft} recovery codes left`,
        );
      for (const { email, role, secondFactor, lastSignIn } of staff)
        console.log(
          `${role} ${email}: ${secondFactor ? 'second factor' : 'password only'}, ${lastSignIn ? `last sign-in ${lastSignIn.at} from ${lastSignIn.address || 'an unknown address'}` : 'not signed in yet'}`,
        );
    });
}

function admitCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('admit')
    .description('Give an operator who is new, or whose second factor is lost, a code that signs in once')
    .argument('<name>', 'as the operator gives it at sign-in')
    .action(async (given: string) => {
      const name = given.trim().slice(0, mostNameLength);
      if (name === '') throw new Error('Cannot admit an operator without a name');
      await using database = await openDatabase(env);
      const code = await admitOperator(database.db, { by, name });
      console.log(`${name} signs in once with the password and the code ${code}`);
      console.log('The factors that this operator had are removed, and sessions ended.');
      console.log('From now on every operator needs a code; programs use npm run ops -- jobs.');
    });
}

function removeCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('remove')
    .description('Remove the second factors of an operator who has left, and end the sessions')
    .argument('<name>', 'as the operator gives it at sign-in')
    .action(async (name: string) => {
      await using database = await openDatabase(env);
      if (!(await removeOperator(database.db, { by, name })))
        throw new Error(`Cannot find a second factor of the operator '${name}'; the sessions are ended`);
      console.log(`${name} has no second factor any more, and the sessions are ended.`);
      console.log('The password is shared: change OPERATOR_PASSWORD as well.');
    });
}

function resetMemberCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('reset-staff')
    .description('Remove the second factors of a member of the staff who has lost them')
    .argument('<email>', 'of the account')
    .action(async (email: string) => {
      await using database = await openDatabase(env);
      if (!(await resetMemberFactors(database.db, { by, email })))
        throw new Error(`Cannot find a member of the staff with the e-mail '${email}'`);
      console.log(`${email} signs in by the password alone, until a second factor is set up again.`);
      console.log('All sessions of the account are ended.');
    });
}
