export { type ApiKey, Keys, type KeysOptions, type NewKey } from './keys.js';
export { ownedKeys } from './owned.js';
export { ALL_SCOPES, isScope, SCOPES, type Scope, USER_SCOPES } from './scopes.js';
