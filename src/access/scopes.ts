/**
 * What a key may do. Each route of the API asks for one scope; a key without it gets 403. `accounts:any` is no route's: it
 * lets a key name the account that it acts for (header `Easel-Account`), for a bot that serves many users with one key.
 */
export const SCOPES = {
  'generations:read': 'See generations, their events and outputs.',
  'generations:write': 'Submit, cancel and repeat generations.',
  'events:read': 'Follow everything that happens in the account.',
  'workflows:read': 'See workflows, their inputs and versions.',
  'workflows:write': 'Add and change workflows, labels and deployments.',
  'workflows:raw': 'Run graphs that are no registered workflow: everything that the backends can do.',
  'media:read': 'See and fetch stored files.',
  'media:write': 'Upload, change and delete files.',
  'points:read': 'See balances, history and estimates.',
  'points:admin': 'Grant and take points, set plans and budgets.',
  'sessions:read': 'See sessions.',
  'sessions:write': 'Make, change and end sessions.',
  'backends:read': 'See backends and how they are.',
  'backends:admin': 'Add, drain and remove backends.',
  'webhooks:read': 'See webhook endpoints and deliveries.',
  'webhooks:write': 'Make and change webhook endpoints.',
  'keys:admin': 'Make and revoke keys.',
  'metrics:read': 'Read the metrics.',
  'accounts:any': 'Act for any account.',
} as const;
export type Scope = keyof typeof SCOPES;

export const ALL_SCOPES = Object.keys(SCOPES) as Scope[];

/** What a program of one user needs; nothing about other accounts, backends or keys. */
export const USER_SCOPES: readonly Scope[] = [
  'generations:read',
  'generations:write',
  'events:read',
  'workflows:read',
  'media:read',
  'media:write',
  'points:read',
  'sessions:read',
  'sessions:write',
  'webhooks:read',
  'webhooks:write',
];

export function isScope(text: string): text is Scope {
  return Object.hasOwn(SCOPES, text);
}
