import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runInProcess } from '../e2e/in-process.js';
import { documentedCommands } from '../helpers/documents.js';

test('the commands of docs/reliability.md run as they stand there', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'easel-reliability-'));
  try {
    const commands = documentedCommands('docs/reliability.md', 'easel');
    expect(commands.length).toBeGreaterThan(4);
    for (const { command, line } of commands) {
      const { code, stderr } = await runInProcess(command.split(' ').slice(1), { cwd });
      expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
    }
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
