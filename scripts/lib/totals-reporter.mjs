import { writeFileSync } from 'node:fs';

/** A vitest reporter that writes the totals, and why tests were skipped, as JSON to `EASEL_TOTALS_FILE`. */
export default class TotalsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      // A file that does not load, or a hook that throws, fails without failing a test: it must count all the same.
      const groups = [module, ...module.children.allSuites()];
      totals.failed += groups.filter((group) => group.errors().length > 0).length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') totals.passed += 1;
        else if (result.state === 'failed') totals.failed += 1;
        else totals.skipped.push({ file: module.relativeModuleId, name: test.fullName, note: result.note });
      }
    }
    writeFileSync(process.env.EASEL_TOTALS_FILE, JSON.stringify(totals));
  }
}
