// `npm run test:long`: the property tests with many more runs than CI has time for.
process.env.EASEL_TEST_RUNS ??= '10000';
process.argv.push('test/points/model.test.ts');
await import('./test.mjs');
