export type { FaultCommand } from './control.js';
export { EmbeddedEngine, type EmbeddedEngineOptions } from './engine.js';
export { type FaultPlan, Faults } from './faults.js';
export * from './node.js';
export { type CoreNodeOptions, createCoreNodes } from './nodes/index.js';
export type { EngineVersion } from './profile.js';
