/**
 * Runs the tests, those in doc comments and in the README included, and counts them on the last line.
 *
 * `deno run -A scripts/test.ts [FILE...]`; with DATATASK_SWEEP=1, the long sweeps in full.
 */

const report = await Deno.makeTempFile({ suffix: ".xml" });
try {
  const files = Deno.args.length > 0
    ? Deno.args
    : ["lib", "repos", "executors", "tests", "mod.ts", "README.md"];
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--allow-all",
      "--parallel",
      "--doc",
      "--sanitize-ops",
      "--sanitize-resources",
      `--junit-path=${report}`,
      ...files,
    ],
  }).spawn().status;
  const xml = await Deno.readTextFile(report);
  const total = (attribute: string): number =>
    Number(/<testsuites[^>]*>/.exec(xml)?.[0].match(`${attribute}="(\\d+)"`)?.[1] ?? 0);
  const [tests, failed] = [total("tests"), total("failures") + total("errors")];
  const skipped = xml.match(/<skipped/g)?.length ?? 0;
  console.log(`${tests - failed - skipped} passed, ${failed} failed, ${skipped} skipped`);
  Deno.exitCode = code !== 0 || tests === 0 ? code || 1 : 0;
} finally {
  await Deno.remove(report);
}
