import { route } from '../route.js';
import { strictObject } from '../validate.js';
import {
  changeBody,
  claimBody,
  linkBody,
  linkCodeSchema,
  linkedSchema,
  listQuery,
  openBody,
  openedSchema,
  sessionPageSchema,
  sessionSchema,
} from './schemas.js';

/** What the routes of sessions say of themselves. */
export const noBody = strictObject({}).optional();

const tag = 'Sessions';
const session = { description: 'As it is now.', schema: sessionSchema };

export const openRoute = route({
  ...{ tag, operationId: 'openSession', scope: 'sessions:write' },
  summary: 'Get or create the session of a user',
  description:
    'Without `platform` and `user_id` it is the session of the account itself. A bot that serves users of a platform has a key with the scope `accounts:any`; a user that nobody knows gets an account of its own, a guest.',
  body: { schema: openBody, isOptional: true },
  answers: {
    200: { description: 'It was there, and is touched.', schema: openedSchema },
    201: { description: 'It is new.', schema: openedSchema },
  },
});

export const listRoute = route({
  ...{ tag, operationId: 'listSessions', scope: 'sessions:read', query: listQuery },
  summary: 'List live sessions, oldest first',
  answers: { 200: { description: 'A page.', schema: sessionPageSchema } },
});

export const readRoute = route({
  ...{ tag, operationId: 'getSession', scope: 'sessions:read' },
  summary: 'Read a session, without touching it',
  answers: { 200: session },
});

export const changeRoute = route({
  ...{ tag, operationId: 'updateSession', scope: 'sessions:write' },
  summary: 'Change values and preferences',
  description:
    'What is absent stays, so that two who change different values lose nothing. With `if_revision` it changes only a session that nobody else has changed since.',
  body: { schema: changeBody },
  answers: { 200: session },
});

export const touchRoute = route({
  ...{ tag, operationId: 'touchSession', scope: 'sessions:write' },
  summary: 'Keep a session alive',
  body: { schema: noBody, isOptional: true },
  answers: { 200: session },
});

export const removeRoute = route({
  ...{ tag, operationId: 'removeSession', scope: 'sessions:write' },
  summary: 'End a session',
  description: 'Its values are deleted. Preferences stay.',
  answers: { 204: { description: 'Gone.' } },
});

export const linkCodeRoute = route({
  ...{ tag, operationId: 'createLinkCode', scope: 'sessions:write' },
  summary: 'Make a code that links another platform to this account',
  body: { schema: noBody, isOptional: true },
  answers: { 201: { description: 'Show it to the user.', schema: linkCodeSchema } },
});

export const linkRoute = route({
  ...{ tag, operationId: 'redeemLinkCode', scope: 'sessions:write' },
  summary: 'Link the user of this session by a code from elsewhere',
  body: { schema: linkBody },
  answers: { 200: { description: 'They are one account now.', schema: linkedSchema } },
});

export const claimRoute = route({
  ...{ tag, operationId: 'claimSession', scope: ['sessions:write', 'accounts:any'] },
  summary: 'Make the guest of this session part of an account',
  description: 'For a program that knows by itself whose account it is.',
  body: { schema: claimBody },
  answers: { 200: { description: 'They are one account now.', schema: linkedSchema } },
});
