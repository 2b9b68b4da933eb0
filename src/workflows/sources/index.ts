/** Where workflows come from: `types.ts` has the words. */
export { ComfyDeploySource } from './comfydeploy.js';
export { FolderSource } from './folder.js';
export { MongoSource } from './mongo.js';
export { Sources } from './sources.js';
export type * from './types.js';
