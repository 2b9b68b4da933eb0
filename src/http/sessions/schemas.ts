import { z } from 'zod';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.js';
import { strictObject, wholeNumber } from '../validate.js';

/** What sessions look like on the wire. */
const time = z.iso.datetime();
const jsonObject = z.custom<JsonObject>(isJsonObject, 'expected an object').meta({ type: 'object' });
const jsonValue = z.custom<JsonValue>((value) => value !== undefined, 'expected a value');
const platform = z.string().min(1).max(63);
const reference = z.string().min(1).max(200);

export const openBody = strictObject({
  platform: platform.optional(),
  user_id: z.string().min(1).max(255).optional(),
  account_id: z.string().min(1).max(255).optional(),
}).refine(({ platform, user_id: userId }) => (platform === undefined) === (userId === undefined), {
  message: 'give "platform" and "user_id" together',
  path: ['platform'],
  when: ({ issues }) => issues.length === 0,
});

export const listQuery = strictObject({
  platform: platform.optional(),
  account_id: z.string().min(1).max(255).optional(),
  after: z.uuid().optional(),
  limit: wholeNumber(1, 200).optional(),
});

export const changeBody = strictObject({
  values: z.record(z.string(), jsonValue).optional(),
  /** Names of values. */
  remove: z.array(z.string().max(100)).max(1000).optional(),
  locale: z.string().max(100).nullable().optional(),
  workflow: reference.nullable().optional(),
  backend_id: reference.nullable().optional(),
  inputs: z.record(z.string(), jsonObject.nullable()).optional(),
  if_revision: z.int().min(1).optional(),
});

export const linkBody = strictObject({ code: z.string().min(1).max(50) });
export const claimBody = strictObject({ account_id: z.string().min(1).max(255) });

export const sessionSchema = z
  .object({
    id: z.uuid(),
    platform: z.string(),
    user_id: z.string(),
    account_id: z.string(),
    guest: z.boolean().meta({ description: 'Its account was made for this user, and belongs to nobody else yet.' }),
    revision: z.int(),
    created_at: time,
    touched_at: time,
    expires_at: time.meta({ description: 'Unless it is used before.' }),
    values: z.record(z.string(), z.unknown()),
    preferences: z
      .object({
        locale: z.string().nullable(),
        workflow: z.string().nullable(),
        backend_id: z.string().nullable(),
        inputs: z
          .record(z.string(), z.record(z.string(), z.unknown()))
          .meta({ description: 'What was used last, by workflow.' }),
      })
      .meta({ description: 'Remembered when the session is over.' }),
  })
  .meta({ id: 'Session' });

export const openedSchema = sessionSchema
  .extend({ returning: z.boolean().meta({ description: 'This user was here before.' }) })
  .meta({ id: 'OpenedSession' });

export const sessionPageSchema = z
  .object({
    data: z.array(sessionSchema),
    next_after: z.uuid().nullable().meta({ description: '`after` of the next page; null at the end.' }),
  })
  .meta({ id: 'SessionPage' });

export const linkCodeSchema = z
  .object({
    code: z.string().meta({ description: 'Shown this once. Works once.' }),
    account_id: z.string(),
    expires_at: time,
  })
  .meta({ id: 'LinkCode' });

export const linkedSchema = z
  .object({
    account_id: z.string().meta({ description: 'The account that has both now.' }),
    merged_from: z.string().nullable().meta({ description: 'The account that is no more; null when nothing changed.' }),
    moved: z
      .record(z.string(), z.number())
      .meta({ description: 'How many generations, files and micro-points moved.' }),
  })
  .meta({ id: 'Linked' });
