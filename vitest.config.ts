import { defineConfig } from 'vitest/config';

// One process per test file (forks): process tests spawn servers and send signals, and libsql is a native module.
// `npm test` builds dist/ before vitest starts, because process and CLI tests run the built command.
export default defineConfig({
  test: {
    globalSetup: 'test/helpers/global-setup.ts',
    pool: 'forks',
    maxWorkers: 2,
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On a machine that is busy with other tests, a second is no time.
    expect: { poll: { timeout: 10_000 } },
    teardownTimeout: 10_000,
    restoreMocks: true,
  },
});
