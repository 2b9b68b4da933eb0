export { errorJson, publicError, toWire, wireTime, wireTimeOrNull } from '../core/wire.js';
