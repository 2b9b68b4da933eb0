export { AddressRules } from './address-rules.js';
export {
  OutboundClient,
  type OutboundClientOptions,
  type OutboundRequest,
  type OutboundResponse,
} from './client.js';
export type { Dial, Resolve, ResolvedAddress } from './guarded-connect.js';
