export { type BackupOptions, type BackupReport, createBackup } from './create.js';
export { type RestoreOptions, type RestoreReport, restoreBackup } from './restore.js';
