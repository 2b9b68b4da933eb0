import { EaselError } from '../core/errors.js';
import type { DbReader } from '../db/index.js';
import type { PayerPolicy } from './types.js';

/**
 * Who may pay for a spender, in the order in which they are asked. Without a group it is the spender alone. Throws
 * `not_found` when the spender does not belong to the group: a group that pays for strangers would be emptied by them.
 */
export async function payersOf(db: DbReader, spenderId: string, groupId: string | null): Promise<string[]> {
  if (groupId === null || groupId === spenderId) return [spenderId];
  const group = await db
    .selectFrom('point_members')
    .innerJoin('point_accounts', 'point_accounts.id', 'point_members.group_id')
    .select('point_accounts.payer')
    .where('point_members.group_id', '=', groupId)
    .where('point_members.account_id', '=', spenderId)
    .executeTakeFirst();
  if (group === undefined) {
    throw new EaselError('not_found', `Account ${spenderId} is not a member of group ${groupId}.`, {
      hint: 'Add it to the group first.',
      details: { groupId },
    });
  }
  switch (group.payer as PayerPolicy | null) {
    case 'ghost':
      return [groupId, spenderId];
    case 'member':
      return [spenderId, groupId];
    default:
      return [groupId];
  }
}
