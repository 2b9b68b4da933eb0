// `npm run soak`: the soak test with 2,000 jobs. EASEL_SOAK_JOBS and EASEL_SOAK_SEED change it.
process.env.EASEL_SOAK_JOBS ??= '2000';
process.argv.push('test/soak/soak.test.ts');
await import('./test.mjs');
