import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Third-party material that the judge needs. It is fetched into a cache folder outside of what git tracks. */
export const PACKAGES = {
  templates: { name: 'comfyui-workflow-templates-json', version: '0.1.123' },
  frontEnd: { name: 'comfyui-frontend-package', version: '1.58.1' },
} as const;

/** What is missing on this machine, as a sentence. */
export class NotAvailable extends Error {
  override readonly name = 'NotAvailable';
}

/** The unpacked package, from the cache or from PyPI. Throws NotAvailable. */
export function fetchPackage({ name, version }: { name: string; version: string }, cacheFolder: string): string {
  const folder = join(cacheFolder, `${name}-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheFolder, { recursive: true });
  // Installed beside and renamed: a folder of that name is whole, even after a fetch that was cut.
  const partial = mkdtempSync(join(cacheFolder, 'partial-'));
  try {
    const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-compile', '--disable-pip-version-check'];
    const pip = spawnSync('python3', [...args, '--target', partial, `${name}==${version}`], {
      encoding: 'utf8',
      env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore' },
    });
    if (pip.error) throw new NotAvailable(`Python with pip is needed to fetch ${name}: ${pip.error.message}.`);
    if (pip.status !== 0) throw new NotAvailable(`${name} ${version} could not be fetched from PyPI:\n${pip.stderr}`);
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

/** Workflow files of the collection: name and path, in the order of their names. */
export function templateFiles(packageFolder: string): { readonly name: string; readonly path: string }[] {
  const folder = join(packageFolder, 'comfyui_workflow_templates_json', 'templates');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.json'.length), path: join(folder, file) }));
}

export function staticFolder(packageFolder: string): string {
  return join(packageFolder, 'comfyui_frontend_package', 'static');
}
