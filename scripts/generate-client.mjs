// `node scripts/generate-client.mjs`: the types of the API for `easel/client`, from docs/openapi.json. A test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiTypes } from './lib/api-types.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const text = await apiTypes(readFileSync(join(root, 'docs/openapi.json'), 'utf8'));
writeFileSync(join(root, 'src/client/api-types.ts'), text);
